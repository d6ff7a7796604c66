"""The state of Reddit's API that all workers share: budgets, circuit breakers and tokens."""
