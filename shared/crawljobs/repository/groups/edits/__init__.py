"""Changes of groups that users request: pause, resume, copy, delete, decide about held steps."""
