"""Claims as many jobs as there are free slots, and crawls each in a thread of its own.

A slot is free when its crawl has come to an end; that end is written while the next ones begin.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from crawler_worker.claims import crawl_trace, stopped_crawl
from crawler_worker.claims.claiming import Claiming
from crawler_worker.claims.completion_writer import CompletionWriter
from crawler_worker.claims.crawl_threads import CrawlThreads
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.lease_keeper import ClaimKeeper
from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.domain import completion
from crawljobs.domain.completion import Completion
from crawljobs.domain.job import AttemptOutcome
from crawljobs.runtime import jitter, logs, tracing
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
# Ends that are not written yet, for each slot: with more of them nothing is claimed.
UNWRITTEN_PER_SLOT = 3
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
        self._threads = CrawlThreads(self._work, on_free=self._on_batch_started)
        self._writer = CompletionWriter(
            database, on_written=self._ends_written, are_more_coming=self._threads.has_waiting
        )
        self._waits_for_ends = False
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
        self._writer.start()
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
                spread = jitter.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)
                self._wake.wait(look_in * spread)
        finally:
            stop_requested = self._stopping.is_set()
            self.stop()
            self._drain()
        return stop_requested

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
        if self._threads.has_waiting():
            return 0  # what was claimed begins first
        self._waits_for_ends = True  # until we know: what is written meanwhile wakes us
        # A crawl that lost its claim is on its way out, or hangs: its slot is free.
        busy = sum(held.is_ours() for held in self._threads.all())
        slots = self._settings.worker_concurrency
        room = UNWRITTEN_PER_SLOT * slots - busy - self._writer.backlog()
        free = min(slots - busy, room)
        self._waits_for_ends = room <= 0
        if free <= 0 and not self._claiming.is_unsure:
            return 0
        asked_at, claimed = self._claiming.claim(max(0, free))
        # All are held before the first thread starts: if one cannot, the drain gives them back.
        self._threads.start([self.keeper.hold(claim, asked_at=asked_at) for claim in claimed])
        return len(claimed)

    def _on_batch_started(self) -> None:
        self._writer.write_now()
        self._wake.set()

    def _ends_written(self) -> None:
        if self._waits_for_ends or self._writer.has_ended:
            self._wake.set()

    def _is_able(self) -> bool:
        if self.keeper.has_ended or self._writer.has_ended:
            who = "keeper" if self.keeper.has_ended else "end_writer"
            log.critical(f"worker.without_{who}")
            return False
        hanging = sum(not held.is_ours() for held in self._threads.all())
        if hanging < STUCK_PER_SLOT * self._settings.worker_concurrency:
            return True
        log.critical("worker.stuck", hanging=hanging)
        return False

    def _work(self, held: HeldClaim) -> None:
        span, end = crawl_trace.begin(held), None
        try:
            with tracing.within(span):
                end = self._crawled(held, span)
        finally:
            if end is None:
                self._finish_claim(held, span, crawl_trace.LOST)
        if end is not None:
            self._writer.hand_over(held, end, partial(self._written, held, span))

    def _crawled(self, held: HeldClaim, span: tracing.Span) -> Completion | None:
        """How the crawl ended; None when its claim was lost."""
        claim = held.claim
        if logs.are_written(logging.INFO):
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
            return completion.completed(claim, self._crawl(held))
        except errors.ClaimLost:
            log.warning("claim.lost", job_id=claim.job_id)
            held.lose()
            return None
        except Exception as error:  # whatever it was, the job must end somehow
            if not isinstance(error, errors.CrawljobsError):
                log.exception("job.crashed", job_id=claim.job_id)
            end = stopped_crawl.stopped_by(error, claim, self._settings.retry)
            if end.attempt is AttemptOutcome.FAILED:
                span.fail(type(error).__name__)
            return end

    def _written(
        self, held: HeldClaim, span: tracing.Span, end: Completion, is_written: bool
    ) -> None:
        if is_written:
            stopped_crawl.tell(end, span)
        self._finish_claim(held, span, end.attempt if is_written else crawl_trace.LOST)

    def _finish_claim(self, held: HeldClaim, span: tracing.Span, outcome: str) -> None:
        self.keeper.drop(held)
        crawl_trace.ended(span, outcome)

    def _given_back(self, held: HeldClaim, end: Completion, is_written: bool) -> None:
        self.keeper.drop(held)
        if is_written:
            with crawl_trace.given_back(held) as span:
                stopped_crawl.tell(end, span)

    def _drain(self) -> None:
        """Let pages in flight finish, then give back whatever is still held."""
        for held in self.keeper.all_held():
            held.interrupt()
        deadline = time.monotonic() + self._settings.drain_seconds
        self._threads.wait_until_idle(deadline - time.monotonic())
        self._writer.wait_until_empty(deadline - time.monotonic())
        until = time.monotonic() + RELEASE_SECONDS
        for held in self.keeper.all_held():
            if not held.is_lost():
                # Its thread may still write: the release fences it.
                self._writer.hand_over(
                    held, completion.released(held.claim), partial(self._given_back, held)
                )
        self._writer.close(until - time.monotonic())
        self._writer.join()
        self._give_back_unsure(until)
        self.keeper.stop()

    def _give_back_unsure(self, until: float) -> None:
        if time.monotonic() > until:
            return  # the database does not answer
        try:
            self._claiming.give_back()
        except errors.DatabaseUnavailable as error:
            log.warning("worker.no_database", reason=str(error))
