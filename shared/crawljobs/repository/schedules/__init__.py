"""Schedules and the ledger of their runs."""
