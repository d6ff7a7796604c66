"""Crawled content: subreddits, posts, comments, authors, and how much of them is stored."""
