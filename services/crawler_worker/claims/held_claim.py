"""A claim that this worker holds. HeldClaim watches the lease and signals the crawl to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from crawler_worker.claims import claim_counters
from crawljobs.domain.claim import Claim

# The unused share of a lease: a crawl stops before the last 10 % of its lease, because clocks drift
# and a write takes time.
MARGIN = 0.1


class HeldClaim:
    """A claim of this worker, and the stop signal of its crawl.

    The signal is set in three cases:

    - The claim is lost.
    - The lease is about to expire.
    - The worker shuts down.

    The lease is measured by the process's monotonic clock, from the time before the claim
    statement. So the crawl stops before another worker can claim the job.
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
        # True once the completion was submitted. Then a lease that cannot be extended does not mean
        # that the claim was lost, because the written completion may have ended the claim.
        self.completing = False
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._is_stopped = False
        self._stop: threading.Event | None = None  # created by the first call of wait()
        self._lost = False
        self._fence_at = requested_at + lease_seconds * (1 - MARGIN)

    def extended(self, requested_at: float) -> None:
        """Record that the lease was extended by a statement that began after `requested_at`."""
        self._fence_at = requested_at + self._lease_seconds * (1 - MARGIN)

    def mark_lost(self) -> None:
        """Record that another worker may hold the job. This crawl must write nothing more."""
        if not self._lost:
            claim_counters.fenced()
        self._lost = True
        self.interrupt()

    def interrupt(self) -> None:
        """Make the crawl stop before its next page. The claim stays valid."""
        self._is_stopped = True
        if self._stop is not None:
            self._stop.set()

    def is_lost(self) -> bool:
        """Return whether the database has reported the claim as lost.

        If the lease has expired by this process's clock alone, return False, because the lease may
        still be extended.
        """
        return self._lost

    def is_valid(self) -> bool:
        """Return whether this worker still has the claim, and the lease runs by the local clock.

        For safety, the last part of the lease, the share MARGIN, counts as expired already.
        """
        return not self._lost and self._clock() < self._fence_at

    def is_set(self) -> bool:
        return self._is_stopped or not self.is_valid()

    def wait(self, seconds: float) -> bool:
        """Wait for the stop signal, at most `seconds`. Return whether the crawl must stop."""
        until = self._clock() + seconds
        stop = self._stop = self._stop or threading.Event()
        # wait() stores the event in self._stop before is_set() reads _is_stopped. A concurrent
        # interrupt() does the reverse: it sets _is_stopped before it reads self._stop. So either
        # interrupt() finds the event and sets it, or is_set() returns True.
        while not self.is_set():
            now = self._clock()
            if now >= until:
                return False
            # The claim is valid until _fence_at. Read _fence_at again in each iteration, because an
            # extension of the lease may have changed it.
            stop.wait(max(0.001, min(until, self._fence_at) - now))
        return True
