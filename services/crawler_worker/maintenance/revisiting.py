"""Enqueues repeated crawls of subreddits whose next crawl is due or whose content is stale."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Protocol

from crawler_worker.claims import claim_counters
from crawljobs.db.database import Connection, Database
from crawljobs.domain import subreddit
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import Enqueued, JobSource
from crawljobs.repository.content import revisits
from crawljobs.repository.operations import task_turns
from crawljobs.repository.queue import job_enqueue
from crawljobs.repository.queue.maintenance.row_isolation import RowIsolations
from crawljobs.runtime import logs
from crawljobs.settings import RevisitSettings

log = logs.get_logger(__name__)

# The priority of repeated crawls. It is above the priority of discovered subreddits, and below the
# default priority of schedules and of requests through the API. Aging raises the priority at most
# to the job's priority ceiling.
PRIORITY = 5
DUE_EVERY = timedelta(minutes=1)
# Each worker starts all checks at this short interval. A check does nothing until its own interval
# is over. A timer with the check's own, longer interval would start again at each restart of the
# worker, and might never fire.
CHECK_SECONDS = 60.0


class Find(Protocol):
    def __call__(self, conn: Connection, *, at_most: int, skip: int) -> list[str]:
        """Return the names of the next `at_most` subreddits, after the first `skip` subreddits."""


class Revisiting:
    """Runs the checks for due and stale subreddits. Per interval, only one worker runs a check."""

    def __init__(self, database: Database, settings: RevisitSettings, *, max_retries: int) -> None:
        self._database = database
        self._settings = settings
        self._max_retries = max_retries
        self._isolations = RowIsolations(database, at_most=revisits.CHUNK)

    def check_due(self) -> int:
        """Enqueue subreddits whose next crawl is due, and return the number of enqueued jobs.

        These are inaccessible subreddits, and subreddits with an adaptive crawl interval.
        """
        if not self._takes_turn("revisit", DUE_EVERY):
            return 0
        return self._enqueue_all("subreddit.due", revisits.take_due)

    def check_stale(self) -> int:
        """Enqueue the subreddits whose last crawl is longer ago than the setting STALE_DAYS.

        Return the number of enqueued jobs.
        """
        after, every = self._settings.stale_after, self._settings.stale_check_every
        if not self._takes_turn("stale check", every):
            return 0
        return self._enqueue_all("subreddit.stale", partial(revisits.stale, after=after))

    def _takes_turn(self, task: str, every: timedelta) -> bool:
        return self._database.run(lambda conn: task_turns.take_turn(conn, task=task, every=every))

    def _enqueue_all(self, action: str, find: Find) -> int:
        enqueued: list[Enqueued] = []
        total = 0

        def change(conn: Connection, *, at_most: int, skip: int) -> int:
            found = find(conn, at_most=at_most, skip=skip)
            request = EnqueueRequest(
                _crawlable(found),
                PRIORITY,
                JobSource.STALE,
                max_retries=self._max_retries,
                depth=None,  # keeps the subreddit's depth; with 0, discovery would reach further
            )
            enqueued[:] = job_enqueue.enqueue(conn, [request])
            return len(found)

        def count() -> None:
            nonlocal total
            claim_counters.enqueued(JobSource.STALE, enqueued)
            total += len(enqueued)

        self._isolations.of(action).run(change, then=count)
        if total:
            log.info(action, count=total)
        return total


def _crawlable(found: list[str]) -> list[str]:
    """Return the valid names, because one invalid name would make the whole chunk fail."""
    return [name for name in found if subreddit.is_valid(name)]
