"""The process that fires schedules when they are due."""
