"""Spans and their ids, which crawljobs.runtime.tracing uses."""
