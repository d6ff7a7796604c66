"""Groups, steps and waits. Only the resolver starts a step, or ends a step whose job has ended."""
