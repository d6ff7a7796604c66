"""The relations of jobs and steps: steps that depend on jobs, and jobs that steps follow."""
