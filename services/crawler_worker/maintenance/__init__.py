"""Periodic work on the tables, run by every worker."""
