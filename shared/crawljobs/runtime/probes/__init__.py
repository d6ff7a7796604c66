"""Probes and metrics of a process over HTTP: health, readiness, /metrics."""
