"""A standing order to crawl a subreddit, and what a due one does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from crawljobs.domain import cron as crons
from crawljobs.domain import tick_count

# Under `skip`, a tick fired within this is on time: a restart of the scheduler must not lose it.
ON_TIME = timedelta(minutes=5)

# Missed ticks are told one by one as long as a person would read them so.
TOLD_ONE_BY_ONE = 10


class MisfirePolicy(StrEnum):
    """What to do with the latest tick when it could not be fired in time."""

    FIRE_ONCE = "fire_once"
    SKIP = "skip"


class RunOutcome(StrEnum):
    """What became of a due time."""

    ENQUEUED = "enqueued"
    MERGED = "merged"  # the subreddit had a live job, which now serves this tick too
    SKIPPED = "skipped"  # the latest tick, too late to fire under the policy `skip`
    MISSED = "missed"  # overtaken by a later tick before any scheduler saw it


@dataclass(frozen=True)
class Schedule:
    """A row of scheduled_jobs; `next_run_at` is None while it is disabled."""

    id: int
    name: str
    subreddit_id: int
    subreddit: str
    cron_expression: str
    timezone: str
    priority: int
    max_retries: int | None
    enabled: bool
    misfire_policy: MisfirePolicy
    anchor_at: datetime
    next_run_at: datetime | None
    last_run_at: datetime | None
    disabled_reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Ticks:
    """A run of due times, from the first to the last."""

    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True)
class Firing:
    """What a due schedule does: tell what it missed, fire the latest tick or not, and go on."""

    missed: tuple[Ticks, ...]
    due_at: datetime
    fires: bool
    next_run_at: datetime


def when_due(
    cron: crons.Cron, *, due_at: datetime, now: datetime, policy: MisfirePolicy, anchor: datetime
) -> Firing:
    """The decision for a schedule whose `due_at` has come; ticks up to `now` are due.

    One live job serves a subreddit, so only the latest of several ticks is fired. Takes time in
    the length of the outage by the quarter of a day, not by the tick. Raises InvalidCron.
    """
    later = tick_count.count(cron, after=due_at, until=now, anchor=anchor)
    latest = due_at
    if later:
        end = max(now, due_at) + timedelta(microseconds=1)
        latest = tick_count.last_before(cron, tick=due_at, before=end, anchor=anchor)
    return Firing(
        missed=_missed(cron, first=due_at, latest=latest, count=later, anchor=anchor),
        due_at=latest,
        fires=policy is MisfirePolicy.FIRE_ONCE or now - latest <= ON_TIME,
        next_run_at=crons.next_after(cron, max(now, latest), anchor=anchor),
    )


def _missed(
    cron: crons.Cron, *, first: datetime, latest: datetime, count: int, anchor: datetime
) -> tuple[Ticks, ...]:
    """The `count` due times from `first` up to, but without, `latest`."""
    if count > TOLD_ONE_BY_ONE:
        last = tick_count.last_before(cron, tick=first, before=latest, anchor=anchor)
        return (Ticks(first, last, count),)
    told = []
    tick = first
    while tick < latest:
        told.append(Ticks(tick, tick, 1))
        tick = crons.next_after(cron, tick, anchor=anchor)
    return tuple(told)
