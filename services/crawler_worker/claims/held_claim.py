"""A claim that this worker holds: a stop signal for its crawl, which also watches the lease."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from crawler_worker.claims import claim_counters
from crawljobs.domain.claim import Claim

# The last 10 % of a lease are not used: clocks drift, and a write takes time.
MARGIN = 0.1


class HeldClaim:
    """A stop event of one crawl. It is set when the claim is lost, when the lease is about to
    expire, and when the worker shuts down.

    The lease is measured on this process's monotonic clock, from the time before the request to
    the database. So the crawl stops before another worker can claim the job.
    """

    def __init__(
        self,
        claim: Claim,
        *,
        requested_at: float,
        lease_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.claim = claim
        self.requested_at = requested_at
        # The completion is being written. A claim that is no longer extended is then not lost.
        self.completing = False
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._is_stopped = False
        self._stop: threading.Event | None = None  # made by the first wait
        self._lost = False
        self._fence_at = requested_at + lease_seconds * (1 - MARGIN)

    def extended(self, requested_at: float) -> None:
        """Record an extension of the lease that was requested at `requested_at` (monotonic)."""
        self._fence_at = requested_at + self._lease_seconds * (1 - MARGIN)

    def mark_lost(self) -> None:
        """Record that another worker may hold the job: this crawl must write nothing more."""
        if not self._lost:
            claim_counters.fenced()
        self._lost = True
        self.interrupt()

    def interrupt(self) -> None:
        """Stop the crawl at its next page; the claim stays valid."""
        self._is_stopped = True
        if self._stop is not None:
            self._stop.set()

    def is_lost(self) -> bool:
        """Whether the database has reported the claim as lost.

        False for a lease that has expired on this clock only: it may still be extended.
        """
        return self._lost

    def is_valid(self) -> bool:
        """Whether the claim is not lost and its lease has not expired on this clock."""
        return not self._lost and self._clock() < self._fence_at

    def is_set(self) -> bool:
        return self._is_stopped or not self.is_valid()

    def wait(self, seconds: float) -> bool:
        """Wait for the stop, at most `seconds`; returns whether the crawl must stop."""
        until = self._clock() + seconds
        stop = self._stop = self._stop or threading.Event()
        # is_set() is checked after the event exists: a concurrent interrupt() sets the flag before
        # it reads self._stop, so the flag or the event is seen here.
        while not self.is_set():
            now = self._clock()
            if now >= until:
                return False
            # An extension moves _fence_at during the wait, so the loop checks again at that time.
            stop.wait(max(0.001, min(until, self._fence_at) - now))
        return True
