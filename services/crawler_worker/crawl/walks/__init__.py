"""Walks of a listing: its pages, the end of the walk, gaps."""
