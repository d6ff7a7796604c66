"""Store the posts, comments, authors and edges of a crawled page."""
