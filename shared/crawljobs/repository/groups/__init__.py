"""Groups, steps and waits. Only the resolver starts steps, and ends steps whose jobs have ended."""
