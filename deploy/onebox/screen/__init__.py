"""The output of the demo: the status, the tables of jobs and the results at the end."""
