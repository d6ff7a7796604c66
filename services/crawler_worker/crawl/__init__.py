"""The crawl of one subreddit, with one module for each phase."""
