"""The periodic tasks that every worker runs on the database tables."""
