"""Operations: audit log, API tokens, idempotency keys, running processes and task turns."""
