"""The command `crawljobs-migrate`: migrate a database, and set up and check its roles."""
