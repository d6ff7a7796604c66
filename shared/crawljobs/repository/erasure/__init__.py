"""Erase the content and the traces of authors, and the content of subreddits."""
