"""The saved state of a crawl, as JSON and back."""
