"""The processes of the demo: their commands and variables, and the supervisor that runs them."""
