"""Find the server's address and the token: in options, environment, profiles, or the demo."""
