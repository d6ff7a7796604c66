"""Replays: ended deliveries are sent again, with their id and body."""
