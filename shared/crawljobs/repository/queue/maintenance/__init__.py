"""The bounded statements of the sweeps over the queue."""
