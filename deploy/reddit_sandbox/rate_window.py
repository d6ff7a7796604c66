"""Count requests in windows of a fixed length.

A window begins when the time of the wall clock is a multiple of the length.
"""

import math
import threading
from collections.abc import Callable
from typing import NamedTuple

# The limit of clients whose requests are counted in a window, because each count takes memory.
# Requests of further clients are refused.
MOST_CLIENTS = 1_000


class Grant(NamedTuple):
    """The state of a client's window after a counted request.

    `used` is the number of counted requests in the window, and `remaining` the number of requests
    that the client may still make in the window.
    """

    remaining: int
    used: int
    reset: int  # seconds until the window ends


class RateWindow:
    """Accepts at most `limit` requests of a client in each window. Thread-safe."""

    def __init__(self, limit: int, seconds: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._window = -1
        self._used: dict[str, int] = {}

    def take(self, client: str) -> Grant | None:
        """Count a request of the client, and return the state of the client's window.

        Return None and count nothing in two cases:

        - The client has made `limit` requests in this window.
        - The client has made no request in this window, and MOST_CLIENTS other clients have.
        """
        with self._lock:
            now = self._clock()
            window = int(now // self._seconds)
            if window != self._window:
                self._window = window
                self._used.clear()
            used = self._used.get(client, 0)
            crowded = client not in self._used and len(self._used) >= MOST_CLIENTS
            if used >= self.limit or crowded:
                return None
            self._used[client] = used + 1
            reset = math.ceil((window + 1) * self._seconds - now)
            return Grant(self.limit - used - 1, used + 1, reset)

    def change(self, limit: int) -> None:
        """Set a new limit, and set the request counts of all clients to 0."""
        with self._lock:
            self.limit = limit
            self._used.clear()
