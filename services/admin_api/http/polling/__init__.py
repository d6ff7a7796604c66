"""Answers for clients that ask again and again: shared by all clients, or 304 while unchanged."""
