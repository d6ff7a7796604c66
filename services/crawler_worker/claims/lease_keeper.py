"""The thread that keeps this process's claims alive, and hears of new jobs."""

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
from crawljobs.domain.job import Claim
from crawljobs.repository.queue import leases, queue_sql
from crawljobs.runtime import jitter, logs, metrics

log = logs.get_logger(__name__)

EXTENSIONS_PER_LEASE = 3
BUSY_TRIES = 10  # in the time of one extension, for a job that is being written to
RECONNECT_SECONDS = 0.05  # doubling
RECONNECT_MAX_SECONDS = 2.0


class ClaimKeeper(threading.Thread):
    """Extends every held claim each third of a lease on the process's one direct connection.

    The extension is also the ping that finds a dead connection: LISTEN alone dies silently.
    `on_work` is called when something may be claimable.
    """

    def __init__(
        self,
        url: str,
        *,
        worker: str,
        lease_seconds: float,
        on_work: Callable[[], None],
    ) -> None:
        super().__init__(name="claim-keeper", daemon=True)
        self._url = url
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._every = lease_seconds / EXTENSIONS_PER_LEASE
        self._on_work = on_work
        self._held: dict[int, HeldClaim] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._beat_at = time.monotonic()
        self._reached_at: float | None = None
        self.has_ended = False

    def hold(self, claim: Claim, *, asked_at: float) -> HeldClaim:
        """Keep this claim alive until `drop`; `asked_at` is monotonic, before the claim began."""
        held = HeldClaim(claim, asked_at=asked_at, lease_seconds=self._lease_seconds)
        with self._lock:
            self._held[claim.job_id] = held
        return held

    def drop(self, held: HeldClaim) -> None:
        with self._lock:
            if self._held.get(held.claim.job_id) is held:
                del self._held[held.claim.job_id]

    def all_held(self) -> list[HeldClaim]:
        with self._lock:
            return list(self._held.values())

    def is_keeping(self) -> bool:
        """Whether a claim made now would be extended in time, as far as we know."""
        reached_at = self._reached_at
        usable = self._lease_seconds * (1 - MARGIN)
        return reached_at is not None and time.monotonic() < reached_at + usable

    def seconds_since_beat(self) -> float:
        """Age of the last sign of life, for the liveness probe; endless when it has died."""
        if self.has_ended:
            return math.inf
        return time.monotonic() - self._beat_at

    def stop(self) -> None:
        self._stopping.set()
        os.write(self._wake_write, b"x")

    def run(self) -> None:
        self._beat_at = time.monotonic()
        try:
            self._keep()
        except Exception:  # the worker must not go on claiming what nobody extends
            log.exception("keeper.died")
        finally:
            self.has_ended = True
            self._on_work()

    def _keep(self) -> None:
        backoff = RECONNECT_SECONDS
        while not self._stopping.is_set():
            reached_before = self._reached_at
            try:
                self._serve()
            except errors.DatabaseUnavailable as error:
                log.warning("keeper.disconnected", reason=str(error))
                if self._reached_at != reached_before:
                    backoff = RECONNECT_SECONDS
                pause = jitter.uniform(backoff / 2, backoff)
                self._beat_at = time.monotonic()
                self._stopping.wait(pause)
                backoff = min(backoff * 2, RECONNECT_MAX_SECONDS, self._every)

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
            busy = self._extend(direct, self.all_held())
            self._on_work()  # whatever was announced while nobody listened
            extend_all_at = time.monotonic() + self._every
            while not self._stopping.is_set():
                now = self._beat_at = time.monotonic()
                if now >= extend_all_at:
                    busy = self._extend(direct, self.all_held())
                    extend_all_at = now + self._every
                elif busy:
                    busy = self._extend(direct, busy)
                pause = self._every / BUSY_TRIES if busy else self._every
                until = min(extend_all_at, now + pause)
                if direct.wait(until - time.monotonic(), wake=self._wake_read):
                    self._on_work()
        finally:
            direct.close()

    def _extend(self, direct: DirectConnection, mine: list[HeldClaim]) -> list[HeldClaim]:
        """Those that could not be extended yet, although they are still ours."""
        asked_at = time.monotonic()
        try:
            with direct.call() as conn:
                extension = leases.extend_claims(
                    conn, claims=[held.claim for held in mine], lease_seconds=self._lease_seconds
                )
        except Exception as error:
            if isinstance(error, errors.DatabaseUnavailable) or not failures.is_of_one_row(error):
                raise
            return self._extend_each(direct, mine, error)
        self._reached_at = asked_at
        busy = []
        for held in mine:
            if held.claim.job_id in extension.extended:
                held.extended(asked_at)
            elif held.claim.job_id in extension.busy:
                busy.append(held)
            elif not held.ending and held in self.all_held():  # not merely ended while we asked
                log.warning("claim.lost", job_id=held.claim.job_id)
                held.lose()
        return busy

    def _extend_each(
        self, direct: DirectConnection, mine: list[HeldClaim], error: Exception
    ) -> list[HeldClaim]:
        """One job refuses its extension: it must not cost the other claims their leases."""
        if len(mine) > 1:
            return [busy for held in mine for busy in self._extend(direct, [held])]
        log.error(
            "claim.not_extended", job_id=mine[0].claim.job_id, reason=failures.describe(error)
        )
        return []
