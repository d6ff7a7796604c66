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
# A hint is sent only into an empty queue, so one may stand for several jobs: whoever heard it or
# found work looks again this soon, then at growing intervals up to the poll interval.
LOOK_AGAIN_SECONDS = 0.05
# Crawls that never return although their claim is lost hold a thread each. With so many of them
# for each slot, only a new process helps.
STUCK_PER_SLOT = 2


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
        self._running: dict[threading.Thread, HeldClaim] = {}
        self._running_lock = threading.Lock()
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

    def run(self) -> bool:
        """Whether it ended because it was told to, rather than because too many crawls hang."""
        self.keeper.start()
        look_in = LOOK_AGAIN_SECONDS
        try:
            while not self._stopping.is_set() and not self._is_stuck():
                woken = self._wake.is_set()
                self._wake.clear()
                claimed = self._look_for_work()
                if claimed:
                    look_in = LOOK_AGAIN_SECONDS
                    continue
                look_in = LOOK_AGAIN_SECONDS if woken else 2 * look_in
                look_in = min(look_in, self._settings.poll_seconds)
                spread = random.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)  # noqa: S311
                self._wake.wait(look_in * spread)
        finally:
            told_to = self._stopping.is_set()
            self.stop()
            self._drain()
        return told_to

    def _look_for_work(self) -> int:
        try:
            return self.run_once()
        except errors.DatabaseUnavailable as error:
            log.warning("worker.no_database", reason=str(error))
            return 0

    def run_once(self) -> int:
        """Claim for the free slots and start crawling; how many were claimed."""
        with self._running_lock:
            # A crawl that lost its claim is on its way out, or hangs: its slot is free.
            busy = sum(held.is_ours() for held in self._running.values())
        free = self._settings.worker_concurrency - busy
        if free <= 0:
            return 0
        asked_at, claimed = self._claim(free)
        for claim in claimed:
            held = self.keeper.hold(claim, asked_at=asked_at)
            thread = threading.Thread(
                target=self._work, args=(held,), name=f"crawl-{claim.subreddit}", daemon=True
            )
            with self._running_lock:
                self._running[thread] = held
            thread.start()
        return len(claimed)

    def _is_stuck(self) -> bool:
        with self._running_lock:
            hanging = sum(not held.is_ours() for held in self._running.values())
        if hanging < STUCK_PER_SLOT * self._settings.worker_concurrency:
            return False
        log.critical("worker.stuck", hanging=hanging)
        return True

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
            with self._running_lock:
                self._running.pop(threading.current_thread(), None)
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
        with self._running_lock:
            threads = list(self._running)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for held in self.keeper.all_held():
            # Its thread may still write: the release fences it.
            self.keeper.drop(held)
            claim_end.write(self._database, held, claim_end.released(held.claim))
        self.keeper.stop()
