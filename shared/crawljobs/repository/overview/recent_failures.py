"""Read the newest failed jobs of the last day, and count them by the kind of their error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from crawljobs.db.tables import crawl_jobs, subreddits
from crawljobs.repository.schedules.schedule_reads import bounded
from crawljobs.repository.sql import NOW, inline, inline_interval, inline_number

COUNTED = 100  # limit of the newest failed jobs that are counted by error kind
SHOWN = 5
MESSAGE_MAX_CHARACTERS = 200

_job = crawl_jobs.c
_failed = (
    select(_job.id, _job.subreddit_id, _job.finished_at, _job.error_kind, _job.error_message)
    .where(_job.status == inline("failed"), _job.finished_at > NOW - inline_interval("1 day"))
    .order_by(_job.finished_at.desc(), _job.id.desc())
    .limit(inline_number(COUNTED))
    .subquery("failed")
)
# This is a scalar subquery, because a join could read all subreddits.
_name = select(subreddits.c.name).where(subreddits.c.id == _failed.c.subreddit_id).scalar_subquery()
FAILED = (
    select(
        _failed.c.id.label("job_id"),
        _name.label("subreddit"),
        bounded(_failed.c.finished_at).label("finished_at"),
        _failed.c.error_kind,
        func.left(_failed.c.error_message, inline_number(MESSAGE_MAX_CHARACTERS)).label(
            "error_message"
        ),
    )
    .select_from(_failed)
    .order_by(_failed.c.finished_at.desc(), _failed.c.id.desc())
)


@dataclass(frozen=True)
class FailedJob:
    """A failed job. `error_message` is the beginning of the message."""

    job_id: int
    subreddit: str
    finished_at: datetime
    error_kind: str | None
    error_message: str | None


@dataclass(frozen=True)
class RecentFailures:
    """The newest SHOWN failed jobs, and the newest COUNTED failed jobs counted by error kind."""

    by_error_kind: Mapping[str, int]
    newest: Sequence[FailedJob]


def newest_failures(conn: Connection, *, now: datetime | None = None) -> RecentFailures:
    """Return the newest failed jobs of the last day."""
    found = [FailedJob(**row._mapping) for row in conn.execute(FAILED, {"now": now})]
    kinds = Counter(each.error_kind or "unknown" for each in found)
    return RecentFailures(by_error_kind=dict(sorted(kinds.items())), newest=found[:SHOWN])
