"""Reads a listing page by page (a walk), and finds the end of the walk and its gaps."""
