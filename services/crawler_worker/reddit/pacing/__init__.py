"""Paces the requests of all workers: slots, pauses, circuit breaker and probe."""
