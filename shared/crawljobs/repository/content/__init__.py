"""SQL statements for crawled content: subreddits, posts, comments, authors and missing parts."""
