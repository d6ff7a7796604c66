"""Disables the schedules of a community that is gone, and enables them when it is back.

Each chunk is a transaction of its own: a community may have any number of schedules.
"""

from __future__ import annotations

from collections.abc import Callable

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.schedules import schedule_disabling
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

WORKER = Actor("system:crawler-worker")


def enable_all(session: CrawlContext) -> int:
    """Enable the schedules that were disabled as the community was gone; how many.

    To be called before the access is recorded: a crawl that is stopped here goes on when it is
    claimed again. Raises Interrupted between two chunks.
    """
    claim = session.claim

    def chunk(conn: Connection) -> int:
        return schedule_disabling.enable_schedules_of(
            conn, subreddit_id=claim.subreddit_id, name=claim.subreddit, actor=WORKER
        )

    return _in_chunks(session, "schedules.enabled", chunk)


def disable_all(session: CrawlContext, access: AccessState) -> int:
    """Disable the schedules of a community that is believed to be gone; how many.

    A schedule that is being fired is left out: the crawl that it brings comes here again. Raises
    Interrupted between two chunks.
    """
    claim = session.claim
    reason = schedule_disabling.reason_of(claim.subreddit, access.value)

    def chunk(conn: Connection) -> int:
        return schedule_disabling.disable_schedules_of(
            conn, subreddit_id=claim.subreddit_id, reason=reason, actor=WORKER
        )

    return _in_chunks(session, "schedules.disabled", chunk)


def _in_chunks(session: CrawlContext, action: str, chunk: Callable[[Connection], int]) -> int:
    """Until a chunk is not full. Schedules are locked before the job: see shared/README.md."""
    total = changed = 0

    def before(conn: Connection) -> None:
        nonlocal changed
        changed = chunk(conn)

    while True:
        session.store(session.at, before=before)
        total += changed
        if changed < schedule_disabling.AT_MOST:
            break
        if session.stop.is_set():
            raise crawl_failures.Interrupted("told to stop between two chunks of schedules")
    if total:
        log.info(action, job_id=session.claim.job_id, count=total)
    return total
