"""The state that all workers share for requests to Reddit: budgets, circuit breakers, tokens."""
