"""The revisions of the database's schema, and the command `python -m migrations` that runs them."""
