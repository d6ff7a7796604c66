"""The history of queue, budgets and webhooks: one row a minute, and one an hour, for charts."""
