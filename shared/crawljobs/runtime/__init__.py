"""What every process has: start, health, probes, logs, metrics, traces, periodic work."""
