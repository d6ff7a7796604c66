"""Disables the schedules of a subreddit that is gone, and enables them if the subreddit is back.

Gone means banned, missing, suspended or legally restricted. A subreddit may have any number of
schedules. So this module changes the schedules in chunks, and each chunk has its own transaction.
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


def enable_all(context: CrawlContext) -> int:
    """Enable the schedules that were disabled because the subreddit was gone.

    Return the number of enabled schedules. Call this function before the new access state is
    recorded. If the crawl is interrupted before it records the state, its next attempt calls this
    function again. Raises Interrupted between two chunks.
    """
    claim = context.claim

    def chunk(conn: Connection) -> int:
        return schedule_disabling.enable_schedules_of(
            conn, subreddit_id=claim.subreddit_id, name=claim.subreddit, actor=WORKER
        )

    return _in_chunks(context, "schedules.enabled", chunk)


def disable_all(context: CrawlContext, access: AccessState) -> int:
    """Disable the schedules of a subreddit that is gone. Return the number of disabled schedules.

    Skips a schedule that a scheduler is firing now. The scheduler then enqueues another crawl,
    which calls this function again. Raises Interrupted between two chunks.
    """
    claim = context.claim
    reason = schedule_disabling.reason_of(claim.subreddit, access.value)

    def chunk(conn: Connection) -> int:
        return schedule_disabling.disable_schedules_of(
            conn, subreddit_id=claim.subreddit_id, reason=reason, actor=WORKER
        )

    return _in_chunks(context, "schedules.disabled", chunk)


def _in_chunks(context: CrawlContext, action: str, chunk: Callable[[Connection], int]) -> int:
    """Call `chunk` in one transaction after another, until no schedule is left to change.

    Return the number of changed schedules. Each transaction locks schedules before the job, because
    shared/README.md defines this order of locks.
    """
    total = changed = 0

    def before(conn: Connection) -> None:
        nonlocal changed
        changed = chunk(conn)

    while True:
        context.store(context.checkpoint, before=before)
        total += changed
        if changed < schedule_disabling.AT_MOST:
            break
        if context.stop.is_set():
            raise crawl_failures.Interrupted("stopped between two chunks of schedules")
    if total:
        log.info(action, job_id=context.claim.job_id, count=total)
    return total
