"""Claims as many jobs as there are free slots, and crawls each in a thread of its own."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from crawler_worker import claim_end, crawl_trace
from crawler_worker.claim_keeper import ClaimKeeper
from crawler_worker.claiming import Claiming
from crawler_worker.held_claim import HeldClaim
from crawljobs import errors, logs, tracing
from crawljobs.db.database import Database
from crawljobs.domain.job import AttemptOutcome
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
RELEASE_SECONDS = 2.0  # to give back what outlasted the drain, when the database does not answer


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
        self._drained = threading.Event()
        self._beat_at = time.monotonic()
        self._claiming = Claiming(database, worker=name, lease_seconds=settings.lease_seconds)
        self.keeper = ClaimKeeper(
            direct_url,
            worker=name,
            lease_seconds=settings.lease_seconds,
            on_work=self._wake.set,
        )

    def stop(self) -> None:
        """Claim no more and interrupt what runs; from any thread, but not from a signal handler."""
        self._stopping.set()
        self._wake.set()

    def seconds_since_beat(self) -> float:
        """Age of the loop's last sign of life, for the liveness probe."""
        return time.monotonic() - self._beat_at

    def run(self) -> bool:
        """Whether it ended because it was told to, rather than because only a restart helps."""
        self.keeper.start()
        look_in = LOOK_AGAIN_SECONDS
        try:
            while not self._stopping.is_set() and self._is_able():
                self._beat_at = time.monotonic()
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
        if not self.keeper.is_keeping():
            return 0  # what is claimed now would be lost
        with self._running_lock:
            # A crawl that lost its claim is on its way out, or hangs: its slot is free.
            busy = sum(held.is_ours() for held in self._running.values())
        free = self._settings.worker_concurrency - busy
        if free <= 0 and not self._claiming.is_unsure:
            return 0
        asked_at, claimed = self._claiming.claim(max(0, free))
        # All are held before the first thread starts: if one cannot, the drain gives them back.
        for held in [self.keeper.hold(claim, asked_at=asked_at) for claim in claimed]:
            self._start(held)
        return len(claimed)

    def _start(self, held: HeldClaim) -> None:
        thread = threading.Thread(
            target=self._work, args=(held,), name=f"crawl-{held.claim.subreddit}", daemon=True
        )
        with self._running_lock:
            thread.start()
            self._running[thread] = held

    def _is_able(self) -> bool:
        if self.keeper.has_ended:
            log.critical("worker.without_keeper")
            return False
        with self._running_lock:
            hanging = sum(not held.is_ours() for held in self._running.values())
        if hanging < STUCK_PER_SLOT * self._settings.worker_concurrency:
            return True
        log.critical("worker.stuck", hanging=hanging)
        return False

    def _work(self, held: HeldClaim) -> None:
        try:
            with crawl_trace.crawling(held) as span:
                self._crawl_and_end(held, span)
        finally:
            self.keeper.drop(held)
            with self._running_lock:
                self._running.pop(threading.current_thread(), None)
            self._wake.set()

    def _crawl_and_end(self, held: HeldClaim, span: tracing.Span) -> None:
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
            held.lose()
            crawl_trace.ended(span, crawl_trace.LOST)
            return
        except Exception as error:  # whatever it was, the job must end somehow
            if not isinstance(error, errors.CrawljobsError):
                log.exception("job.crashed", job_id=claim.job_id)
            end = claim_end.stopped_by(error, claim, self._settings.retry)
            if end.outcome is AttemptOutcome.FAILED:
                span.fail(type(error).__name__)
        held.ending = True
        written = claim_end.write(self._database, held, end, give_up=self._drained.is_set)
        crawl_trace.ended(span, end.outcome if written else crawl_trace.LOST)

    def _drain(self) -> None:
        """Let pages in flight finish, then give back whatever is still held."""
        for held in self.keeper.all_held():
            held.interrupt()
        deadline = time.monotonic() + self._settings.drain_seconds
        with self._running_lock:
            threads = list(self._running)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._drained.set()
        until = time.monotonic() + RELEASE_SECONDS
        for held in self.keeper.all_held():
            # Its thread may still write: the release fences it.
            self.keeper.drop(held)
            claim_end.write(
                self._database,
                held,
                claim_end.released(held.claim),
                give_up=lambda: time.monotonic() > until,
            )
        self._give_back_unsure(until)
        self.keeper.stop()

    def _give_back_unsure(self, until: float) -> None:
        if time.monotonic() > until:
            return  # the database does not answer
        try:
            self._claiming.give_back()
        except errors.DatabaseUnavailable as error:
            log.warning("worker.no_database", reason=str(error))
