"""How gunicorn serves the application: connections, request bytes, probes, metrics."""
