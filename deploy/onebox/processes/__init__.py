"""The processes of the demo: how they start, whether they run, and when all are at work."""
