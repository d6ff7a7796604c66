"""The thread that extends the leases of this process's claims, and listens for new jobs."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable

from crawler_worker.claims.held_claim import MARGIN, HeldClaim
from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.direct import DirectConnection
from crawljobs.domain.claim import Claim
from crawljobs.repository.queue import leases, queue_sql
from crawljobs.runtime import backoff, logs, metrics

log = logs.get_logger(__name__)

EXTENSIONS_PER_LEASE = 3
# If another transaction has locked a job's row, the extension of its claim is tried again. This is
# the maximum number of tries before the next regular extension.
LOCKED_TRIES = 10
# The pause before the keeper connects again after a failure. Each further failure doubles it.
RECONNECT_SECONDS = 0.05
RECONNECT_MAX_SECONDS = 2.0


class LeaseKeeper(threading.Thread):
    """Extends every held claim three times per lease, over one connection without a pooler.

    The same connection listens for new jobs. If the connection is dead, LISTEN reports no error,
    but the next extension fails. `on_work` is called when a job may be claimable.
    """

    def __init__(
        self,
        url: str,
        *,
        worker: str,
        lease_seconds: float,
        on_work: Callable[[], None],
    ) -> None:
        super().__init__(name="lease-keeper", daemon=True)
        self._url = url
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._every = lease_seconds / EXTENSIONS_PER_LEASE
        self._on_work = on_work
        self._held: dict[int, HeldClaim] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._last_beat_at = time.monotonic()
        self._reached_at: float | None = None
        self.has_stopped = False

    def hold(self, claim: Claim, *, requested_at: float) -> HeldClaim:
        """Let the thread extend this claim until `drop` is called. `requested_at`: the monotonic
        time just before the claim statement was sent."""
        held = HeldClaim(claim, requested_at=requested_at, lease_seconds=self._lease_seconds)
        with self._lock:
            self._held[claim.job_id] = held
        return held

    def drop(self, held: HeldClaim) -> None:
        """Stop extending this claim."""
        with self._lock:
            if self._held.get(held.claim.job_id) is held:
                del self._held[held.claim.job_id]

    def all_held(self) -> list[HeldClaim]:
        with self._lock:
            return list(self._held.values())

    def can_extend(self) -> bool:
        """Return whether the last extension of leases is less than 0.9 lease durations ago."""
        reached_at = self._reached_at
        usable = self._lease_seconds * (1 - MARGIN)
        return reached_at is not None and time.monotonic() < reached_at + usable

    def seconds_since_beat(self) -> float:
        """Return the seconds since the thread made progress, or infinity if it has stopped."""
        if self.has_stopped:
            return math.inf
        return time.monotonic() - self._last_beat_at

    def stop(self) -> None:
        self._stopping.set()
        os.write(self._wake_write, b"x")

    def run(self) -> None:
        self._last_beat_at = time.monotonic()
        try:
            self._keep()
        except Exception:  # the worker reads `has_stopped`, and then stops
            log.exception("keeper.crashed")
        finally:
            self.has_stopped = True
            self._on_work()

    def _keep(self) -> None:
        failures = 0
        longest = min(RECONNECT_MAX_SECONDS, self._every)
        while not self._stopping.is_set():
            reached_before = self._reached_at
            try:
                self._serve()
            except errors.DatabaseUnavailable as error:
                log.warning("keeper.disconnected", reason=str(error))
                failures = 1 if self._reached_at != reached_before else failures + 1
                pause = backoff.pause_seconds(failures, first=RECONNECT_SECONDS, longest=longest)
                self._last_beat_at = time.monotonic()
                self._stopping.wait(pause)

    def _serve(self) -> None:
        direct = DirectConnection(
            self._url,
            application_name=f"crawljobs {self._worker} keeper"[:63],
            deadline_seconds=self._every,
        )
        try:
            direct.listen(queue_sql.CHANNEL)
            if self._reached_at is not None:
                metrics.db_reconnects.inc()
            locked = self._extend(direct, self.all_held())
            self._on_work()  # there may be jobs whose NOTIFYs came before this LISTEN
            extend_all_at = time.monotonic() + self._every
            while not self._stopping.is_set():
                now = self._last_beat_at = time.monotonic()
                if now >= extend_all_at:
                    locked = self._extend(direct, self.all_held())
                    extend_all_at = now + self._every
                elif locked:
                    locked = self._extend(direct, locked)
                pause = self._every / LOCKED_TRIES if locked else self._every
                until = min(extend_all_at, now + pause)
                if direct.wait(until - time.monotonic(), wake=self._wake_read):
                    self._on_work()
        finally:
            direct.close()

    def _extend(self, direct: DirectConnection, claims: list[HeldClaim]) -> list[HeldClaim]:
        """Extend these claims, and mark lost claims. Return the claims whose job rows are locked.

        Raises DatabaseUnavailable.
        """
        requested_at = time.monotonic()
        try:
            with direct.call() as conn:
                extension = leases.extend_claims(
                    conn, claims=[held.claim for held in claims], lease_seconds=self._lease_seconds
                )
        except Exception as error:
            if not failures.is_of_one_row(error):
                raise
            return self._extend_each(direct, claims, error)
        self._reached_at = requested_at
        locked = []
        for held in claims:
            if held.claim.job_id in extension.extended:
                held.extended(requested_at)
            elif held.claim.job_id in extension.busy:
                locked.append(held)
            elif not held.completing and held in self.all_held():  # a completed claim is not lost
                log.warning("claim.lost", job_id=held.claim.job_id)
                held.mark_lost()
        return locked

    def _extend_each(
        self, direct: DirectConnection, claims: list[HeldClaim], error: Exception
    ) -> list[HeldClaim]:
        """After a failed statement, extend each claim alone. For a single claim, log the error."""
        if len(claims) > 1:
            return [locked for held in claims for locked in self._extend(direct, [held])]
        (held,) = claims
        reason = failures.describe(error)
        log.error("claim.extension_failed", job_id=held.claim.job_id, reason=reason)
        return []
