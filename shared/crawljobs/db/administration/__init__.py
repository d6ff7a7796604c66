"""Commands of an administrator: migrate, roles, rights, drift, audit archive."""
