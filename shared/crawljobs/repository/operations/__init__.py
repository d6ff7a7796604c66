"""SQL statements for the audit log, API tokens, idempotency keys, processes and periodic tasks."""
