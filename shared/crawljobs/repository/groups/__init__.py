"""Groups, steps and waits. Only the resolver starts steps. It ends a step after the step's job."""
