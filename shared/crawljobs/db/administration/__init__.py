"""Database administration: migrations, roles, rights, schema checks and the audit archive."""
