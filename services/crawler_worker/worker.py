"""Claims as many jobs as there are free slots, and crawls each in a thread of its own."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable

from crawler_worker import claim_end
from crawler_worker.claim_keeper import ClaimKeeper
from crawler_worker.held_claim import HeldClaim
from crawljobs import errors, logs
from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import Claim
from crawljobs.repository import job_queue
from crawljobs.settings import QueueSettings

log = logs.get_logger(__name__)

Crawl = Callable[[HeldClaim], str]  # crawls one subreddit; returns the outcome or raises

POLL_JITTER = 0.2  # so that many workers started together do not poll together


class Worker:
    """`run()` until `stop()`; what is unfinished then is released after its page."""

    def __init__(
        self,
        *,
        name: str,
        database: Database,
        direct_url: str,
        settings: QueueSettings,
        crawl: Crawl,
    ) -> None:
        self._name = name
        self._database = database
        self._settings = settings
        self._crawl = crawl
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._busy_lock = threading.Lock()
        self._unsure: tuple[uuid.UUID, float] | None = None
        self.keeper = ClaimKeeper(
            direct_url,
            worker=name,
            lease_seconds=settings.lease_seconds,
            on_work=self._wake.set,
        )

    def stop(self) -> None:
        """Claim no more and interrupt what runs; safe to call from a signal handler."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        self.keeper.start()
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    idle = self.run_once() == 0
                except errors.DatabaseUnavailable as error:
                    log.warning("worker.no_database", reason=str(error))
                    idle = True
                if idle and not self._stopping.is_set():
                    spread = random.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)  # noqa: S311
                    self._wake.wait(self._settings.poll_seconds * spread)
        finally:
            self._drain()

    def run_once(self) -> int:
        """Claim for the free slots and start crawling; how many were claimed."""
        with self._busy_lock:
            free = self._settings.worker_concurrency - self._busy
        if free <= 0:
            return 0
        asked_at, claimed = self._claim(free)
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        for claim in claimed:
            held = self.keeper.hold(claim, asked_at=asked_at)
            thread = threading.Thread(
                target=self._work, args=(held,), name=f"crawl-{claim.subreddit}", daemon=True
            )
            with self._busy_lock:
                self._busy += 1
            self._threads.append(thread)
            thread.start()
        return len(claimed)

    def _claim(self, free: int) -> tuple[float, list[Claim]]:
        """When we asked, on the monotonic clock, and what we got."""
        if self._unsure is not None:
            token, asked_at = self._unsure
            with self._database.begin() as conn:
                found = job_queue.claims_of(conn, claim_token=token)
            self._unsure = None
            if found:
                return asked_at, found
        token, asked_at = uuid.uuid4(), time.monotonic()

        def claim(conn: Connection) -> list[Claim]:
            return job_queue.claim_jobs(
                conn,
                worker=self._name,
                claim_token=token,
                at_most=free,
                lease_seconds=self._settings.lease_seconds,
            )

        try:
            return asked_at, self._database.run(claim)
        except errors.DatabaseUnavailable:
            # The COMMIT may have happened although its reply was lost: ask before claiming anew.
            self._unsure = (token, asked_at)
            raise

    def _work(self, held: HeldClaim) -> None:
        try:
            self._crawl_and_end(held)
        finally:
            self.keeper.drop(held)
            with self._busy_lock:
                self._busy -= 1
            self._wake.set()

    def _crawl_and_end(self, held: HeldClaim) -> None:
        claim = held.claim
        log.info(
            "job.claimed",
            job_id=claim.job_id,
            subreddit=claim.subreddit,
            priority=claim.priority,
            retry_count=claim.retry_count,
        )
        if self._stopping.is_set():
            held.interrupt()
        try:
            end = claim_end.completed(claim, self._crawl(held))
        except errors.ClaimLost:
            log.warning("claim.lost", job_id=claim.job_id)
            return
        except Exception as error:  # whatever it was, the job must end somehow
            if not isinstance(error, errors.CrawljobsError):
                log.exception("job.crashed", job_id=claim.job_id)
            end = claim_end.stopped_by(error, claim, self._settings.retry)
        # No longer extended: the end is written before the lease runs out, or not at all.
        self.keeper.drop(held)
        claim_end.write(self._database, held, end)

    def _drain(self) -> None:
        """Let pages in flight finish, then give back whatever is still held."""
        for held in self.keeper.all_held():
            held.interrupt()
        deadline = time.monotonic() + self._settings.drain_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for held in self.keeper.all_held():
            # Its thread may still write: the release fences it.
            self.keeper.drop(held)
            claim_end.write(self._database, held, claim_end.released(held.claim))
        self.keeper.stop()
