"""The conditions of filters of jobs, and the numbers of jobs that match the filters."""
