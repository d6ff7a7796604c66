"""Walks of a listing: pages, ends, gaps."""
