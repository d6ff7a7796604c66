"""Parses untrusted items of Reddit into items that can be stored."""
