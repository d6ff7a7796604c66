"""Settings that turn webhooks on in tests, with receivers on this machine."""

EXAMPLE_HOST = "hooks.example.com"  # in the examples of the API; tests cannot resolve the name

MASTER_KEY = "q7Vd2LxN9rT4bY6hK1mW8cZ3sF5gJ0pA"
INSIDE = "https://127.0.0.1:8443"  # nothing needs to listen there
SETTINGS = {"WEBHOOK_MASTER_KEY": MASTER_KEY, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
ENDPOINT = {"url": f"{INSIDE}/hook", "events": ["job.failed"]}


def with_inside_host(example: str) -> str:
    """Return the example of a request with a host that the guard accepts in tests."""
    return example.replace(f"https://{EXAMPLE_HOST}", INSIDE)
