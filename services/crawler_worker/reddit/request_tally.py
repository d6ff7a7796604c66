"""Counts the requests that a process sends to Reddit, until they are added to the history."""

from __future__ import annotations

import threading
from collections import Counter

THROTTLED_STATUS = 429
FAILED_STATUS_MIN = 500
UPKEEP = "upkeep"  # the source of requests without a job


class RequestTally:
    """The counts of one process since the last `take`. The threads of the process share one object.

    Each count has the name of its column in the table budget_history.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def sent(self, source: str) -> None:
        """Count a request.

        `source` is the source of the job that needs the request, or UPKEEP for a request without a
        job.
        """
        self._add(f"requests_{source}")

    def replied(self, status: int) -> None:
        """Count the reply if its status is 429 or shows a failure of Reddit."""
        if status == THROTTLED_STATUS:
            self._add("throttled")
        elif status >= FAILED_STATUS_MIN:
            self._add("failures")

    def failed(self) -> None:
        """Count a request that got no complete reply."""
        self._add("failures")

    def take(self) -> dict[str, int]:
        """Return the counts, and begin to count from zero."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return dict(taken)

    def give_back(self, counts: dict[str, int]) -> None:
        """Add the counts of an earlier `take` again, because they could not be stored."""
        with self._lock:
            self._counts.update(counts)

    def _add(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1
