"""The checkpoint (the saved state of a crawl), and its conversion to JSON and back."""
