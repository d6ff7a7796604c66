"""The claim loop keeps up to `worker_concurrency` crawls running, each in its own thread.

As soon as a crawl has ended, the loop claims the next job. The completion of the ended crawl is
written while the next crawl already runs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from crawler_worker.claims.claim_runner import ClaimRunner, Crawl
from crawler_worker.claims.claiming import Claiming
from crawler_worker.claims.completion_writer import CompletionWriter
from crawler_worker.claims.crawl_threads import CrawlThreads
from crawler_worker.claims.lease_keeper import LeaseKeeper
from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.runtime import jitter, logs
from crawljobs.settings import QueueSettings

log = logs.get_logger(__name__)

# Each wait between two polls is up to this share longer or shorter than the interval. Otherwise
# workers that start together would always poll together.
POLL_JITTER = 0.2
# A NOTIFY is sent only if the queue was empty. Jobs that are enqueued just afterwards cause no
# NOTIFY. So after a NOTIFY or a claim, the worker polls at this interval. The interval doubles with
# each further poll, up to the configured poll interval.
POLL_MIN_SECONDS = 0.05
# A crawl that lost its claim and hangs keeps its thread. When the number of these threads reaches
# this factor times `worker_concurrency`, the process exits, because a restart frees the threads.
STUCK_PER_SLOT = 2
# While the sum of running crawls and unwritten completions is at least this factor times
# `worker_concurrency`, the worker claims no more jobs.
UNWRITTEN_PER_SLOT = 3
# The time limit for releasing the claims that remain after the drain (the wait for the crawls).
RELEASE_SECONDS = 2.0


class Worker:
    """Runs the claim loop until `stop()`, then releases the claims of unfinished crawls.

    `on_hint` is called after each notification of the database, after a lost connection, and after
    the end of a job on which steps depend.
    `on_claim` is called after each claim of at least one job.
    """

    def __init__(
        self,
        *,
        name: str,
        database: Database,
        direct_url: str,
        settings: QueueSettings,
        crawl: Crawl,
        on_hint: Callable[[], None] = lambda: None,
        on_claim: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._writer = CompletionWriter(database, on_written=self._wake.set, on_watched=on_hint)
        self._last_beat_at = time.monotonic()
        self._claiming = Claiming(database, worker=name, lease_seconds=settings.lease_seconds)
        self.keeper = LeaseKeeper(
            direct_url,
            worker=name,
            lease_seconds=settings.lease_seconds,
            on_work=self._hinted,
        )
        self._on_hint = on_hint
        self._on_claim = on_claim
        self._runner = ClaimRunner(
            crawl,
            writer=self._writer,
            keeper=self.keeper,
            retry=settings.retry,
            stopping=self._stopping,
        )
        self._threads = CrawlThreads(self._runner.run, on_free=self._wake.set)

    def stop(self) -> None:
        """Make `run` stop claiming and interrupt the crawls.

        Do not call this function in a signal handler. The function sets events. If the interrupted
        thread held the lock of an event, the function would wait forever for this lock.
        """
        self._stopping.set()
        self._wake.set()

    def seconds_since_beat(self) -> float:
        """Return the seconds since the claim loop made progress, for the liveness probe."""
        return time.monotonic() - self._last_beat_at

    def run(self) -> bool:
        """Run the claim loop. Return True after `stop()`, or False if the process must restart."""
        self.keeper.start()
        self._writer.start()
        poll_in = POLL_MIN_SECONDS
        try:
            while not self._stopping.is_set() and self._can_run():
                self._last_beat_at = time.monotonic()
                woken = self._wake.is_set()
                self._wake.clear()
                claimed = self._try_to_claim()
                if claimed:
                    self._on_claim()
                    poll_in = POLL_MIN_SECONDS
                    continue
                poll_in = POLL_MIN_SECONDS if woken else 2 * poll_in
                poll_in = min(poll_in, self._settings.poll_seconds)
                spread = jitter.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)
                self._wake.wait(poll_in * spread)
        finally:
            stop_requested = self._stopping.is_set()
            self.stop()
            self._drain()
        return stop_requested

    def _try_to_claim(self) -> int:
        try:
            return self.run_once()
        except errors.DatabaseUnavailable as error:
            log.warning("claim.postponed", reason=str(error))
            return 0

    def _hinted(self) -> None:
        self._wake.set()
        self._on_hint()

    def run_once(self) -> int:
        """Claim as many jobs as can be crawled now, and start their crawls.

        Return the number of claimed jobs. Raises DatabaseUnavailable.
        """
        if not self.keeper.can_extend():
            return 0  # the lease keeper could not extend the lease of a new claim
        if self._threads.has_waiting():
            return 0  # Claimed jobs still wait for a thread, so no further jobs are claimed.
        # `busy` does not count crawls that lost their claim. Most of these crawls end soon. If a
        # crawl that hangs were counted, its place would stay occupied until the process ends.
        busy = sum(held.is_valid() for held in self._threads.all())
        slots = self._settings.worker_concurrency
        room = UNWRITTEN_PER_SLOT * slots - busy - self._writer.backlog()
        free = min(slots - busy, room)
        if free <= 0 and not self._claiming.has_unanswered:
            return 0
        requested_at, claimed = self._claiming.claim(max(0, free))
        # The lease keeper knows all claims before the first thread starts. So if a thread cannot
        # start, the drain can still release the claims.
        self._threads.start(
            [self.keeper.hold(claim, requested_at=requested_at) for claim in claimed]
        )
        return len(claimed)

    def _can_run(self) -> bool:
        if self.keeper.has_stopped or self._writer.has_stopped:
            log.critical(
                "keeper.stopped" if self.keeper.has_stopped else "completion_writer.stopped"
            )
            return False
        hanging = sum(not held.is_valid() for held in self._threads.all())
        if hanging < STUCK_PER_SLOT * self._settings.worker_concurrency:
            return True
        log.critical("worker.stuck", hanging=hanging)
        return False

    def _drain(self) -> None:
        """Stop the crawls, wait for their last pages up to `drain_seconds`, release the claims."""
        for held in self.keeper.all_held():
            held.interrupt()
        deadline = time.monotonic() + self._settings.drain_seconds
        self._threads.wait_until_idle(deadline - time.monotonic())
        self._writer.wait_until_empty(deadline - time.monotonic())
        until = time.monotonic() + RELEASE_SECONDS
        for held in self.keeper.all_held():
            if not held.is_lost():
                self._runner.release(held)
        self._writer.close(until - time.monotonic())
        self._writer.join()
        self._release_unanswered(until)
        self.keeper.stop()

    def _release_unanswered(self, until: float) -> None:
        if time.monotonic() > until:
            return  # no time is left for the release, probably because the database is unreachable
        try:
            self._claiming.release_unanswered()
        except errors.DatabaseUnavailable as error:
            log.warning("claim.postponed", reason=str(error))
