"""A log of the requests to the sandbox. Tests read the log."""

import collections
import threading
from typing import Any, NamedTuple


class Entry(NamedTuple):
    time: float
    method: str
    path: str
    query: str
    status: int
    client: str | None


class RequestLog:
    """Keeps the latest `size` requests, and the number of all requests by status. Thread-safe."""

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._entries: collections.deque[Entry] = collections.deque(maxlen=size)
        self._by_status: collections.Counter[int] = collections.Counter()

    def add(self, entry: Entry) -> None:
        with self._lock:
            self._entries.append(entry)
            self._by_status[entry.status] += 1

    def last(self, count: int) -> list[dict[str, Any]]:
        """Return the newest `count` requests, oldest first."""
        with self._lock:
            entries = list(self._entries)
        return [entry._asdict() for entry in entries[-count:]]

    def stats(self) -> dict[str, Any]:
        with self._lock:
            by_status = dict(sorted(self._by_status.items()))
        return {
            "requests": sum(by_status.values()),
            "rate_limited": by_status.get(429, 0),
            "by_status": {str(status): count for status, count in by_status.items()},
        }
