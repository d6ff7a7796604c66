"""The record of a schedule: its meaning in words, its next due times, and its recent outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crawljobs import errors
from crawljobs.domain import cron
from crawljobs.domain.schedule import RunOutcome, Schedule
from crawljobs.domain.schedule_limit import DEFAULT_REQUESTS_PER_CRAWL
from crawljobs.domain.schedule_preview import Upcoming, note

LOST = (RunOutcome.MISSED, RunOutcome.SKIPPED)


@dataclass(frozen=True)
class Outcome:
    """A row of the ledger: one due time, or `ticks` missed due times from `due_at` on."""

    due_at: datetime
    outcome: RunOutcome
    ticks: int
    manual: bool
    job_id: int | None
    group_id: int | None


@dataclass(frozen=True)
class ScheduleRecord:
    """The recent past of a schedule.

    - `outcomes`: the newest rows of the ledger, the newest first.
    - `misfires`: the due times of the last 7 days that had no run; `misfires_at_least`: true if the
      count stopped at a limit.
    - `requests_per_run`: the average number of requests in the last crawls of the schedule's
      subreddits; None if no crawl is stored.
    - `runs_per_day`: the planned runs a day; None if this number was never computed.
    """

    outcomes: Sequence[Outcome]
    misfires: int
    misfires_at_least: bool
    requests_per_run: float | None
    runs_per_day: float | None

    @property
    def requests_per_day(self) -> int:
        """The estimated requests a day.

        If a number is unknown, the estimate uses 100 requests for a run, or one run a day.
        """
        per_run = self.requests_per_run
        runs = 1.0 if self.runs_per_day is None else self.runs_per_day
        return round((DEFAULT_REQUESTS_PER_CRAWL if per_run is None else per_run) * runs)


def words(schedule: Schedule) -> str | None:
    """Return the expression of the schedule in plain English, or None if it is invalid."""
    try:
        return cron.describe(schedule.cron_expression)
    except errors.InvalidCron:
        return None


def upcoming(schedule: Schedule, *, now: datetime, count: int) -> list[Upcoming]:
    """Return the next due times with notes on clock changes; none for an invalid expression.

    For a disabled schedule, these are the times at which it would fire if it were enabled.
    """
    found: list[Upcoming] = []
    try:
        times = schedule.due_times()
        due = now
        while len(found) < count:
            due = times.next_after(due)
            local = due.astimezone(times.cron.zone)
            found.append(Upcoming(due, local, note(times.cron, due - times.offset)))
    except errors.InvalidCron:  # no further date matches, or the stored expression is invalid
        pass
    return found
