"""Draws the map of subreddits as an SVG file, without a browser."""
