"""Changes of a group that concern many of its steps: cancel, retry, boost and delete."""
