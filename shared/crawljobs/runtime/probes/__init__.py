"""The HTTP pages of a process for Kubernetes and Prometheus: health, readiness and metrics."""
