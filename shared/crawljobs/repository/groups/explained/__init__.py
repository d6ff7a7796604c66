"""Read the upstreams that explain the state of a step."""
