"""The job queue: SQL statements that enqueue, claim, extend, complete and change jobs."""
