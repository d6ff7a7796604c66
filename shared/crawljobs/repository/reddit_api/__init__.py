"""The state that all workers share about Reddit's API: budget, outages, token."""
