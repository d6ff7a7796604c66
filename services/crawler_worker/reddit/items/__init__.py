"""Parses untrusted items from Reddit's replies into items that can be stored."""
