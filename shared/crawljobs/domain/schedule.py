"""Schedules: a recurring request to crawl a subreddit, and the decision when one is due."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

from crawljobs.domain import cron as crons
from crawljobs.domain.due_times import DueTimes, offset_of

# Under `skip`, a tick that is this late still fires, unless the schedule sets another deadline: a
# restart of the scheduler must not lose a tick.
ON_TIME = timedelta(minutes=5)

LONGEST_DEADLINE = timedelta(days=366)  # the longest interval: the next tick is due by then

# Up to this many missed ticks get a ledger row each; more get one row with their count.
LISTED_ONE_BY_ONE = 10


class MisfirePolicy(StrEnum):
    """The rule for the latest tick when it could not fire in time."""

    FIRE_ONCE = "fire_once"  # fire at any delay, unless the schedule has a deadline
    SKIP = "skip"  # fire only within the deadline of the schedule; ON_TIME when it has none


class RunOutcome(StrEnum):
    """The outcome of a due time."""

    ENQUEUED = "enqueued"
    MERGED = "merged"  # the subreddit had a live job, which serves this tick too
    SKIPPED = "skipped"  # the latest tick, later than its policy and deadline allow
    MISSED = "missed"  # a later tick was due before a scheduler processed this one


@dataclass(frozen=True)
class ScheduleSpec:
    """The fields of a schedule that a user sets."""

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

    def spec(self) -> ScheduleSpec:
        return ScheduleSpec(
            **{field.name: getattr(self, field.name) for field in fields(ScheduleSpec)}
        )

    def due_times(self) -> DueTimes:
        """The due times. Raises InvalidCron when the row was written without the checks."""
        return due_times(self.spec(), schedule_id=self.id, anchor=self.anchor_at)

    def due_at(self) -> datetime:
        """The next due time; only for an enabled schedule."""
        if self.next_run_at is None:
            raise AssertionError("an enabled schedule has a due time")
        return self.next_run_at

    def deadline(self) -> timedelta | None:
        """The largest delay at which a tick still fires; None: no limit."""
        if self.misfire_deadline_seconds is not None:
            return timedelta(seconds=self.misfire_deadline_seconds)
        return ON_TIME if self.misfire_policy is MisfirePolicy.SKIP else None


def due_times(spec: ScheduleSpec, *, schedule_id: int, anchor: datetime) -> DueTimes:
    """The due times of a schedule. Raises InvalidCron."""
    return DueTimes(
        crons.parse(spec.cron_expression, spec.timezone),
        anchor,
        offset_of(schedule_id, spread_seconds=spec.spread_seconds),
    )


@dataclass(frozen=True)
class Ticks:
    """A series of consecutive due times, from the first to the last."""

    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True)
class Firing:
    """The decision for a due schedule."""

    missed: tuple[Ticks, ...]  # to be recorded as missed
    due_at: datetime  # the latest tick
    fires: bool  # whether the latest tick fires
    next_run_at: datetime


def when_due(
    times: DueTimes, *, due_at: datetime, now: datetime, deadline: timedelta | None
) -> Firing:
    """The decision for a schedule that is due: every tick from `due_at` to `now`.

    A subreddit has at most one live job, so only the latest of several ticks fires. The cost grows
    with the days of an outage, not with the number of ticks. Raises InvalidCron.
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
    """The `count` due times from `first` up to, but not including, `latest`."""
    if count > LISTED_ONE_BY_ONE:
        return (Ticks(first, times.last_before(latest, tick=first), count),)
    missed = []
    tick = first
    while tick < latest:
        missed.append(Ticks(tick, tick, 1))
        tick = times.next_after(tick)
    return tuple(missed)
