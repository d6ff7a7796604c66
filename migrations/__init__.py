"""The revisions of the database's schema. The command `crawljobs-migrate` runs them."""
