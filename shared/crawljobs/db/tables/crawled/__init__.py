"""Tables of crawled content, of its authors and subreddits, and of its completeness."""
