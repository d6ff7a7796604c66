"""Spans and their ids: the parts of which crawljobs.runtime.tracing is built."""
