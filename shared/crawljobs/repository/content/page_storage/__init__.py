"""Store a crawled page: posts, comments, their authors, and each author's number of items."""
