"""Store a crawled page: its posts and comments, their authors, and counts for each author."""
