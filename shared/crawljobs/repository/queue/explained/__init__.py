"""Read why jobs run or wait: pauses, Reddit, workers, and the queue ahead of a job."""
