"""Parts that every process uses: startup, health, probes, logs, metrics, traces, periodic work."""
