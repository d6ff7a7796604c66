"""The relations of jobs and steps: steps that wait for jobs, and jobs that steps follow."""
