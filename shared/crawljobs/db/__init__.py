"""Connections, transactions, errors of the database, and table definitions."""
