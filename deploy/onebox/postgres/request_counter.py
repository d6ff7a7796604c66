"""Compute the number and rate of this demo's requests to Reddit from the stored budgets."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime

# The rate is the average of at least this many seconds. In the first seconds, the readings cover a
# shorter time.
SPAN_SECONDS = 10.0


class RequestCounter:
    """Adds up the requests of successive budget windows.

    A row of `reddit_budgets` counts the requests of one window only. A new window starts at 0.
    """

    def __init__(self) -> None:
        self.total = 0
        self._last: dict[str, tuple[datetime | None, int]] | None = None
        self._readings: deque[tuple[float, int]] = deque()

    def add(self, budgets: Iterable[tuple[str, datetime | None, int]], now: float) -> None:
        """Add a reading of the budgets at the time `now`, in seconds.

        A budget is a client id, the start of its window, and the number of requests in the window.
        """
        found = {client: (window, requests) for client, window, requests in budgets}
        # The first reading is not added, because it has the requests of earlier demos.
        if self._last is not None:
            for client, (window, requests) in found.items():
                before, counted = self._last.get(client, (window, 0))
                self.total += max(0, requests - counted if window == before else requests)
        self._last = found
        self._readings.append((now, self.total))
        while len(self._readings) > 2 and now - self._readings[1][0] >= SPAN_SECONDS:
            self._readings.popleft()

    @property
    def per_second(self) -> float:
        """The number of requests per second in the last ten seconds, or since the first reading."""
        if len(self._readings) < 2:
            return 0.0
        (began, before), (ended, after) = self._readings[0], self._readings[-1]
        return (after - before) / (ended - began) if ended > began else 0.0
