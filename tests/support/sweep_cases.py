"""The test case of a sweep: rows that the sweep must change, and rows that it must leave."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crawljobs.db.database import Connection
from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue.maintenance import (
    clock_setbacks,
)
from support.jobs import T0

SECOND = timedelta(seconds=1)

MINUTE = timedelta(minutes=1)

HOUR = timedelta(hours=1)

DAY = timedelta(days=1)

RETRY = RetryPolicy(base_seconds=60, max_hours=24, jitter=0.0)

AGING = AgingPolicy(after=HOUR, every=5 * MINUTE, step=10)

Values = dict[str, Any]

Rows = dict[str, Values]


def job(status: str = "queued", **values: Any) -> Values:
    """Return the columns of a job that was created and became visible one hour ago."""
    made = {
        "status": status,
        "wait_reason": "later" if status == "waiting" else None,
        "priority": 10,
        "base_priority": 10,
        "source": "user",
        "created_at": T0 - HOUR,
        "queued_at": T0 - HOUR,
        "visible_at": T0 - HOUR,
        "finished_at": T0 - HOUR if status in ("succeeded", "failed", "cancelled") else None,
    }
    if status == "crawling":
        made |= {
            "claim_token": "00000000-0000-0000-0000-000000000001",
            "claimed_by": "worker-1",
            "claimed_at": T0 - MINUTE,
            "lease_expires_at": T0 + MINUTE,
            "progress_at": T0 - MINUTE,
        }
    return {**made, **values}


@dataclass(frozen=True)
class Sweep:
    """A test case of a sweep: it must change the rows `taken`, and leave the rows `left`.

    If the sweep has an order, `taken` has the same order.
    """

    table: str
    run: Callable[[Connection, int], object]
    taken: Rows
    left: Rows
    has_order: bool = True
    key: str = "name"
    beside: tuple[tuple[str, Values], ...] = ()  # rows of other tables
    becomes: Rows = field(default_factory=dict)  # expected columns of changed rows, by row key


def jobs_sweep(
    run: Callable[[Connection, int], object],
    taken: Rows,
    left: Rows,
    *,
    paused: Values | None = None,
    **more: Any,
) -> Sweep:
    """Return a test case with rows of crawl_jobs.

    `paused` maps a subreddit with a pause to the end of the pause.
    """
    pauses = tuple(
        ("queue_pauses", {"scope": name, "reason": "x", "paused_by": "y", "until": until})
        for name, until in (paused or {}).items()
    )
    return Sweep("crawl_jobs", run, taken, left, beside=pauses, **more)


def instances(ages: dict[str, timedelta]) -> Rows:
    return {
        name: {
            "role": "scheduler",
            "version": "1",
            "started_at": T0,
            "seen_at": T0 + age,
            "details": "{}",
        }
        for name, age in ages.items()
    }


def pauses(untils: dict[str, datetime | None]) -> Rows:
    return {
        name: {"reason": "x", "paused_by": "y", "until": until} for name, until in untils.items()
    }


def mending(what: str) -> Callable[[Connection, int], object]:
    def run(conn: Connection, at_most: int) -> object:
        return clock_setbacks.mend(conn, what=what, retry=RETRY, at_most=at_most, now=T0)

    return run


def of(function: Callable[..., object], **options: Any) -> Callable[[Connection, int], object]:
    return lambda conn, at_most: function(conn, at_most=at_most, now=T0, **options)


def schedule(**values: Any) -> Values:
    return {
        "subreddit_id": "of the schedule",
        "cron_expression": "@hourly",
        "next_run_at": T0 + HOUR,
        "last_run_at": T0 + 3 * MINUTE,
        "updated_at": T0 - DAY,
        "created_at": T0 - DAY,
        "anchor_at": T0 - DAY,
        **values,
    }
