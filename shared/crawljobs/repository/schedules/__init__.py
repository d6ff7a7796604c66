"""SQL statements for schedules and for the ledger, the table of their due times and outcomes."""
