"""The dashboard: its files, and the routes that serve them. README.md describes its modules."""
