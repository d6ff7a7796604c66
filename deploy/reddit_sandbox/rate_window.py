"""Count requests in windows of a fixed length.

A window begins when the time of the wall clock is a multiple of the length.
"""

import math
import threading
from collections.abc import Callable
from typing import NamedTuple

# The limit of clients per window, because the memory is limited. Further clients are refused.
MOST_CLIENTS = 1_000


class Grant(NamedTuple):
    """A window after a counted request: the requests left and used, and the time until its end."""

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
        - The client is new, and MOST_CLIENTS clients have made requests.
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
