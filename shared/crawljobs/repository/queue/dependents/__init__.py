"""The steps of groups that depend on jobs, as deletes of jobs see them."""
