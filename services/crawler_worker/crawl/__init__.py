"""The crawl of one subreddit, one file a phase."""
