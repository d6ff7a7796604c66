"""Read the state of the whole system, for the first screen of operators."""
