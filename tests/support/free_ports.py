"""Ports for servers that a test starts later, because their configuration names the port."""

import contextlib
import random
import socket

# Below the ports that Linux gives to outgoing connections. A test run opens thousands of them, and
# one could take a port of that range before the server listens.
FIRST, LAST = 20_000, 32_000


def free_port() -> int:
    """Return a port of 127.0.0.1 on which no program listens."""
    while True:
        port = random.SystemRandom().randint(FIRST, LAST)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
