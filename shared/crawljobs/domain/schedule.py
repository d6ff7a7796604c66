"""A standing order to crawl a subreddit, and what a due one does."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

from crawljobs.domain import cron as crons
from crawljobs.domain.due_times import DueTimes, offset_of

# Under `skip`, a tick fired within this is on time unless the schedule says otherwise: a restart
# of the scheduler must not lose it.
ON_TIME = timedelta(minutes=5)

LONGEST_DEADLINE = timedelta(days=366)  # as the longest interval: the next tick has come by then

# Missed ticks are told one by one as long as a person would read them so.
TOLD_ONE_BY_ONE = 10


class MisfirePolicy(StrEnum):
    """What to do with the latest tick when it could not be fired in time."""

    FIRE_ONCE = "fire_once"  # however late, unless the schedule has a deadline
    SKIP = "skip"  # only within the schedule's deadline, ON_TIME when it has none


class RunOutcome(StrEnum):
    """What became of a due time."""

    ENQUEUED = "enqueued"
    MERGED = "merged"  # the subreddit had a live job, which now serves this tick too
    SKIPPED = "skipped"  # the latest tick, later than policy and deadline allow
    MISSED = "missed"  # overtaken by a later tick before any scheduler saw it


@dataclass(frozen=True)
class ScheduleSpec:
    """What somebody may want of a schedule."""

    name: str
    subreddit_id: int
    cron_expression: str
    timezone: str = "UTC"
    priority: int = 20
    max_retries: int | None = None
    enabled: bool = True
    misfire_policy: MisfirePolicy = MisfirePolicy.FIRE_ONCE
    misfire_deadline_seconds: int | None = None
    spread_seconds: int = 0


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
    misfire_deadline_seconds: int | None
    spread_seconds: int
    anchor_at: datetime
    next_run_at: datetime | None
    last_run_at: datetime | None
    disabled_reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    def order(self) -> ScheduleSpec:
        return ScheduleSpec(
            **{field.name: getattr(self, field.name) for field in fields(ScheduleSpec)}
        )

    def due_times(self) -> DueTimes:
        """Raises InvalidCron when somebody wrote past the checks."""
        return due_times(self.order(), schedule_id=self.id, anchor=self.anchor_at)

    def due_at(self) -> datetime:
        """When it is due next. Only of one that is enabled."""
        if self.next_run_at is None:
            raise AssertionError("an enabled schedule has a due time")
        return self.next_run_at

    def deadline(self) -> timedelta | None:
        """How late a tick may still fire; None: however late."""
        if self.misfire_deadline_seconds is not None:
            return timedelta(seconds=self.misfire_deadline_seconds)
        return ON_TIME if self.misfire_policy is MisfirePolicy.SKIP else None


def due_times(order: ScheduleSpec, *, schedule_id: int, anchor: datetime) -> DueTimes:
    """Raises InvalidCron."""
    return DueTimes(
        crons.parse(order.cron_expression, order.timezone),
        anchor,
        offset_of(schedule_id, spread_seconds=order.spread_seconds),
    )


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
    times: DueTimes, *, due_at: datetime, now: datetime, deadline: timedelta | None
) -> Firing:
    """The decision for a schedule whose `due_at` has come; ticks up to `now` are due.

    One live job serves a subreddit, so only the latest of several ticks is fired. Takes time in
    the length of the outage by the quarter of a day, not by the tick. Raises InvalidCron.
    """
    missed: tuple[Ticks, ...] = ()
    latest, following = due_at, times.next_after(due_at)
    if following <= now:
        count = times.count(after=due_at, until=now)
        latest = times.last_before(now + timedelta(microseconds=1), tick=due_at)
        missed = _missed(times, first=due_at, latest=latest, count=count)
        following = times.next_after(now)
    return Firing(
        missed=missed,
        due_at=latest,
        fires=deadline is None or now - latest <= deadline,
        next_run_at=following,
    )


def _missed(times: DueTimes, *, first: datetime, latest: datetime, count: int) -> tuple[Ticks, ...]:
    """The `count` due times from `first` up to, but without, `latest`."""
    if count > TOLD_ONE_BY_ONE:
        return (Ticks(first, times.last_before(latest, tick=first), count),)
    told = []
    tick = first
    while tick < latest:
        told.append(Ticks(tick, tick, 1))
        tick = times.next_after(tick)
    return tuple(told)
