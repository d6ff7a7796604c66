"""A claim as the crawl sees it: a stop signal that also knows when the lease ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from crawler_worker.claims import claim_counters
from crawljobs.domain.job import Claim

# The last part of a lease is not used: clocks drift and a write takes its time.
MARGIN = 0.1


class HeldClaim:
    """Set when the crawl must stop: claim lost, lease near its end, or the worker shuts down.

    The lease is measured on this process's monotonic clock from before the database was asked,
    so that we stop before the database lets anybody else start.
    """

    def __init__(
        self,
        claim: Claim,
        *,
        asked_at: float,
        lease_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.claim = claim
        self.asked_at = asked_at
        self.ending = False  # its end is being written: that it is gone is then no loss
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._is_stopped = False
        self._stop: threading.Event | None = None  # made for the first that waits
        self._lost = False
        self._fence_at = asked_at + lease_seconds * (1 - MARGIN)

    def extended(self, asked_at: float) -> None:
        """The lease was extended by a call that began at `asked_at`."""
        self._fence_at = asked_at + self._lease_seconds * (1 - MARGIN)

    def lose(self) -> None:
        """Somebody else may hold the job: nothing more may be written."""
        if not self._lost:
            claim_counters.fenced()
        self._lost = True
        self.interrupt()

    def interrupt(self) -> None:
        """Stop at the next page; the claim is still ours."""
        self._is_stopped = True
        if self._stop is not None:
            self._stop.set()

    def is_lost(self) -> bool:
        """Whether the database said so; a lease that ran out may still be extended."""
        return self._lost

    def is_ours(self) -> bool:
        return not self._lost and self._clock() < self._fence_at

    def is_set(self) -> bool:
        return self._is_stopped or not self.is_ours()

    def wait(self, seconds: float) -> bool:
        """Wait unless stopped meanwhile; whether stopped."""
        until = self._clock() + seconds
        stop = self._stop = self._stop or threading.Event()
        # Looked at after the event is there: who stops us meanwhile sets one or the other.
        while not self.is_set():
            now = self._clock()
            if now >= until:
                return False
            # The fence moves while we wait, so wait to whichever comes first and look again.
            stop.wait(max(0.001, min(until, self._fence_at) - now))
        return True
