"""The address and the token: options, environment, profiles, the running demo."""
