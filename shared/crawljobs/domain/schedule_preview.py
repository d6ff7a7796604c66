"""The next due times of a cron expression, each with a note if a clock change affects it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crawljobs import errors
from crawljobs.domain import cron as crons
from crawljobs.domain import zones
from crawljobs.domain.cron import Cron

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Upcoming:
    """A due time, in UTC and in local time. `note` is the effect of a clock change on this time."""

    utc: datetime
    local: datetime
    note: str | None


def upcoming(cron: Cron, *, now: datetime, count: int) -> Iterator[Upcoming]:
    """Yield the next `count` due times, or fewer if no more dates match the expression.

    The intervals of `@every` begin at `now`.
    """
    due = now
    for _ in range(count):
        try:
            due = crons.next_after(cron, due, anchor=now)
        except errors.InvalidCron:
            return
        yield Upcoming(due, due.astimezone(cron.zone), note(cron, due))


def note(cron: Cron, due: datetime) -> str | None:
    """Describe the effect of a clock change on this due time. Return None if there is no effect."""
    return _of_a_skipped_time(cron, due) or _of_a_repeated_time(cron, due)


def _of_a_skipped_time(cron: Cron, due: datetime) -> str | None:
    before, after = (zones.offset_at(cron.zone, at) for at in (due - _SECOND, due))
    if not cron.at_fixed_times or after <= before:
        return None
    start, end = ((due + offset).replace(tzinfo=None) for offset in (before, after))
    named = next(crons.simulator(cron, start - _SECOND), None)
    if named is None or named >= end:
        return None
    return (
        f"{named:%H:%M} does not exist on {named:%Y-%m-%d}: clocks go forward from "
        f"{start:%H:%M} to {end:%H:%M}. It runs right after."
    )


def _of_a_repeated_time(cron: Cron, due: datetime) -> str | None:
    wall = zones.wall_at(cron.zone, due)
    first, second = (wall.replace(tzinfo=cron.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first >= second:  # this local time occurs only once
        return None
    twice = f"{wall:%H:%M} comes twice on {wall:%Y-%m-%d}: clocks go back."
    if cron.at_fixed_times:
        return f"{twice} It runs the first time only."
    return f"{twice} This is the {'first' if due < second else 'second'} time."
