"""Access to Reddit's API: the client, its token, the shared request budget, and the replies."""
