"""Find the steps of groups that depend on jobs, so that these jobs are not deleted."""
