"""Changes of many rows: their selection, confirmation, chunks and operations."""
