"""The history of the queue and of the budgets: one row a minute, and one an hour, for charts."""
