"""Read how fresh subreddits are: their lateness, and their last crawls."""
