"""The history of queue, budgets and webhooks for charts: one row for each minute and each hour."""
