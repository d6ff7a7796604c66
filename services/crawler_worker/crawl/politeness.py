"""Keeps a minimum time between two requests for the same subreddit, also of different workers."""

from __future__ import annotations

from datetime import datetime

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.request_context import LONGEST_GAP_SECONDS
from crawler_worker.reddit.stop import Stop


def wait(gap: float, *, asked_at: datetime | None, now: datetime, stop: Stop) -> None:
    """Wait until `gap` seconds have passed since `asked_at`, the time of the last request.

    If the wait would be longer than LONGEST_GAP_SECONDS, raise TooSoon. Then the job is deferred,
    and the worker can run another job meanwhile. Also raises Interrupted.
    """
    if gap <= 0 or asked_at is None:
        return
    left = min(gap, gap - (now - asked_at).total_seconds())
    if left > LONGEST_GAP_SECONDS:
        raise crawl_failures.TooSoon(
            f"this subreddit requires {gap:.0f} s between two requests", resume_in=left
        )
    if left > 0 and stop.wait(left):
        raise crawl_failures.Interrupted("stopped while waiting between two requests")
