"""Code for Postgres: connections, transactions, error handling and table definitions."""
