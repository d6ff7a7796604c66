"""Code that every process uses: startup, health checks, logs, metrics, traces, periodic tasks."""
