"""Spans and their ids, below crawljobs.runtime.tracing."""
