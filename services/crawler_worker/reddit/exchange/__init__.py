"""Sends an HTTP request to Reddit and reads the reply, with limits of time and size."""
