"""The database of the demo: an embedded Postgres with its programs, folders and roles."""
