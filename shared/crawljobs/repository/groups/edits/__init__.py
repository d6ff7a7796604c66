"""Changes of groups that people ask for: pause, resume, decide, copy and delete."""
