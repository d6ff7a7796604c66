"""Changes of groups that users request: pause, resume, decide, copy and delete."""
