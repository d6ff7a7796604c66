"""Groups, steps and waits. Only the resolver starts steps, and ends them after their jobs."""
