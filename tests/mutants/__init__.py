"""Change production code in small ways, one change at a time, and see whether a test notices."""
