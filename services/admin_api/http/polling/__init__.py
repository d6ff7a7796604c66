"""Answers for clients that poll: all clients share one answer, or get 304 while it is unchanged."""
