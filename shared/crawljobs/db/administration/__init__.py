"""Administration of the database: migrations, roles, rights, drift and the audit archive."""
