"""Every SQL statement of the services."""
