"""Paces the requests of all workers to Reddit: slots, pauses, circuit breaker and probe."""
