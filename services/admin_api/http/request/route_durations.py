"""Keeps the durations of the newest requests of each route, in this process."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

KEPT = 200  # number of the newest requests of a route whose durations are kept
ROUTES_MAX = 500  # limit of the counted routes; the API has fewer


@dataclass(frozen=True)
class RouteDurations:
    """The requests of one route.

    `requests` and `errors` count since the start of the process. The durations are those of the
    newest requests only, at most KEPT requests.
    """

    method: str
    route: str
    requests: int
    errors: int  # answers with a status of 500 or above
    milliseconds_p50: float
    milliseconds_p95: float
    milliseconds_max: float


@dataclass
class _Route:
    requests: int = 0
    errors: int = 0
    newest: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))


class DurationsOfRoutes:
    """The durations of the requests of this process, by method and route."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        self._routes: dict[tuple[str, str], _Route] = {}

    @property
    def seconds(self) -> float:
        """The seconds since the start of the process."""
        return self._clock() - self._started

    def add(self, method: str, route: str, *, status: int, seconds: float) -> None:
        """Add a request.

        `route` is the path of the route with its parameters, not the path that the client sent.
        """
        key = (method, route)
        with self._lock:
            if key not in self._routes and len(self._routes) >= ROUTES_MAX:
                return
            kept = self._routes.setdefault(key, _Route())
            kept.requests += 1
            kept.errors += status >= 500
            kept.newest.append(seconds * 1000)

    def all(self) -> list[RouteDurations]:
        """Return all routes that had a request, sorted by the number of requests, highest first."""
        with self._lock:
            kept = [
                (key, each.requests, each.errors, sorted(each.newest))
                for key, each in self._routes.items()
            ]
        found = [
            RouteDurations(*key, requests, errors, _at(newest, 0.5), _at(newest, 0.95), newest[-1])
            for key, requests, errors, newest in kept
        ]
        return sorted(found, key=lambda each: (-each.requests, each.route, each.method))


def _at(ordered: list[float], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1]
