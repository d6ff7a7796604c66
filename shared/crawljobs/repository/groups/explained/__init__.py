"""Read the upstreams that explain the state of a step, and the steps that depend on a job."""
