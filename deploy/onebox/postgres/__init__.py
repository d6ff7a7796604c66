"""The database of the demo: an embedded or an external Postgres."""
