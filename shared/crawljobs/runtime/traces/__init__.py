"""Makes and exports spans for crawljobs.runtime.tracing."""
