"""Connections, transactions and table definitions."""
