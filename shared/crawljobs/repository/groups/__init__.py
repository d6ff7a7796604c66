"""Groups, steps and waits. Only the resolver starts steps. It also ends each step with a job."""
