"""Schedules, which request crawls regularly, and the effects of a due time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

from crawljobs.domain import cron as crons
from crawljobs.domain.due_times import DueTimes, offset_of
from crawljobs.domain.scheduled_step import ScheduledStep

# With the policy `skip`, a tick (due time) that is at most this late still fires, so that a restart
# of the scheduler loses no ticks. A schedule's own deadline replaces this limit.
ON_TIME = timedelta(minutes=5)

# Limit of a deadline; as long as the longest interval of `@every`.
LONGEST_DEADLINE = timedelta(days=366)

# Up to this number, each missed tick gets its own row in the ledger (the table of all due times).
# More missed ticks get one row together, with their number.
LISTED_ONE_BY_ONE = 10


class MisfirePolicy(StrEnum):
    """The rule for late due times (ticks). Only the latest of several late ticks can fire."""

    FIRE_ONCE = "fire_once"  # fire after any delay, but not after the schedule's deadline
    SKIP = "skip"  # fire only within the schedule's deadline, or within ON_TIME if it has none


class RunOutcome(StrEnum):
    """The outcome of a due time of a schedule."""

    ENQUEUED = "enqueued"
    MERGED = "merged"  # the subreddit already had a live job, which serves this tick too
    SKIPPED = "skipped"  # the policy, the deadline or an unfinished group did not allow the firing
    MISSED = "missed"  # the tick never fires: a later tick or an edit of the schedule replaced it


@dataclass(frozen=True)
class ScheduleSpec:
    """The fields of a schedule that a user sets. A schedule has either a subreddit or steps."""

    name: str
    subreddit_id: int | None
    cron_expression: str
    timezone: str = "UTC"
    priority: int = 20
    max_retries: int | None = None
    enabled: bool = True
    misfire_policy: MisfirePolicy = MisfirePolicy.FIRE_ONCE
    misfire_deadline_seconds: int | None = None
    spread_seconds: int = 0
    description: str | None = None
    steps: tuple[ScheduledStep, ...] | None = None


@dataclass(frozen=True)
class Schedule:
    """A row of the table scheduled_jobs.

    - `next_run_at`: None while the schedule is disabled.
    - `subreddit`: None for a schedule with steps, empty if an operator deleted the subreddit's row.
    - `steps`: empty if the stored steps are unreadable. Lists leave out long steps: then `steps` is
      None, and `step_count` is their number.
    - `open_group_id`: the group of the last run, if that group has not finished.
    """

    id: int
    name: str
    description: str | None
    subreddit_id: int | None
    subreddit: str | None
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
    steps: tuple[ScheduledStep, ...] | None = None
    step_count: int | None = None
    open_group_id: int | None = None

    def spec(self) -> ScheduleSpec:
        return ScheduleSpec(
            **{field.name: getattr(self, field.name) for field in fields(ScheduleSpec)}
        )

    def due_times(self) -> DueTimes:
        """Return the due times. Raises InvalidCron if the stored expression or zone is invalid."""
        return due_times(self.spec(), schedule_id=self.id, anchor=self.anchor_at)

    def due_at(self) -> datetime:
        """Return the next due time. The schedule must be enabled."""
        if self.next_run_at is None:
            raise AssertionError("an enabled schedule has a due time")
        return self.next_run_at

    def deadline(self) -> timedelta | None:
        """Return the longest delay after which a tick still fires, or None without a limit."""
        if self.misfire_deadline_seconds is not None:
            return timedelta(seconds=self.misfire_deadline_seconds)
        return ON_TIME if self.misfire_policy is MisfirePolicy.SKIP else None


def due_times(spec: ScheduleSpec, *, schedule_id: int, anchor: datetime) -> DueTimes:
    """Return the due times of a schedule. Raises InvalidCron."""
    return DueTimes(
        crons.parse(spec.cron_expression, spec.timezone),
        anchor,
        offset_of(schedule_id, spread_seconds=spec.spread_seconds),
    )


@dataclass(frozen=True)
class Ticks:
    """Consecutive due times of a schedule: the first, the last and their number."""

    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True)
class Firing:
    """The decision for a schedule that is due."""

    missed: tuple[Ticks, ...]  # ticks that are recorded as missed
    due_at: datetime  # the latest tick
    fires: bool  # whether the latest tick fires
    next_run_at: datetime


def when_due(
    times: DueTimes, *, due_at: datetime, now: datetime, deadline: timedelta | None
) -> Firing:
    """Decide whether a due schedule fires, and which ticks from `due_at` to `now` it has missed.

    Only the latest tick can fire, because a subreddit has at most one live job. The computing time
    grows with the days from `due_at` to `now`, not with the number of ticks. Raises InvalidCron.
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
    """Return the due times from `first` on that are before `latest`. `count` is their number.

    If there are more than LISTED_ONE_BY_ONE due times, return one Ticks for all of them.
    """
    if count > LISTED_ONE_BY_ONE:
        return (Ticks(first, times.last_before(latest, tick=first), count),)
    missed = []
    tick = first
    while tick < latest:
        missed.append(Ticks(tick, tick, 1))
        tick = times.next_after(tick)
    return tuple(missed)
