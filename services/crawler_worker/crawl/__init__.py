"""The crawl of one subreddit. Each phase of the crawl has its own module."""
