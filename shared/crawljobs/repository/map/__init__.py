"""The map of subreddits: their links by shared authors, and their communities."""
