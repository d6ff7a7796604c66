"""A request to crawl subreddits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crawljobs.domain.job import JobSource
from crawljobs.domain.schedule import Schedule


@dataclass(frozen=True)
class EnqueueRequest:
    """A request to crawl one or more subreddits. All other fields apply to each subreddit.

    - `visible_at`: the earliest time of the crawl; None means now.
    - `depth`: the number of discovery steps from the root to the subreddit; None means the stored
      number.
    - `discovered_from`: the id of the subreddit whose crawl found these subreddits.
    - `traceparent`: the trace that the jobs continue.
    - `of_step`: true if the request is a step of a group.
    """

    subreddits: Sequence[str]
    priority: int
    source: JobSource
    max_retries: int = 3
    visible_at: datetime | None = None
    depth: int | None = 0
    discovered_from: int | None = None
    scheduled_job_id: int | None = None
    traceparent: str | None = None
    of_step: bool = False


def of_schedule(
    schedule: Schedule, *, default_max_retries: int, traceparent: str | None
) -> EnqueueRequest:
    """Return the request for the subreddit of a schedule without steps."""
    retries = default_max_retries if schedule.max_retries is None else schedule.max_retries
    return EnqueueRequest(
        [schedule.subreddit or ""],
        schedule.priority,
        JobSource.SCHEDULE,
        max_retries=retries,
        scheduled_job_id=schedule.id,
        traceparent=traceparent,
    )
