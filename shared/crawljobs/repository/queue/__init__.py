"""The job queue: enqueue, claim, hold, complete, change."""
