"""Cron expressions in a time zone: parse, describe, and compute due times.

Clock changes follow the rule of Vixie cron.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from crawljobs import errors
from crawljobs.domain import cron_fields, cron_words, zones

NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

# Long enough for a list of all 60 minutes; longer input would only cost parsing time.
LONGEST_EXPRESSION = 256  # characters


@dataclass(frozen=True)
class Cron:
    """A valid expression in its zone: either five fields or an interval."""

    expression: str
    zone: ZoneInfo
    fields: str | None = None
    every: timedelta | None = None

    @property
    def at_fixed_times(self) -> bool:
        """Whether it names times of the clock; a wildcard in minute or hour means elapsed time."""
        minute, hour, *_ = (self.fields or "* *").split()
        return not minute.startswith("*") and not hour.startswith("*")


@functools.lru_cache(maxsize=1024)
def parse(expression: str, timezone: str) -> Cron:
    """The schedule that an expression and an IANA zone describe. Raises InvalidCron."""
    try:
        zone = zones.zone(timezone)
    except errors.InvalidCron as wrong_zone:
        try:
            parse(expression, "UTC")
        except errors.InvalidCron as wrong:
            raise errors.InvalidCron(str(wrong), also=wrong_zone) from None
        raise
    if len(expression) > LONGEST_EXPRESSION:
        cron_fields.refuse(f"too long: at most {LONGEST_EXPRESSION} characters")
    if not expression.isascii() or not expression.isprintable():
        cron_fields.refuse(
            "expected plain ASCII with spaces between the fields, no tabs or line ends, "
            f"got {expression[:60]!r}"
        )
    words = expression.split()
    text = " ".join(words)
    if not words:
        cron_fields.refuse("empty: expected five fields, a name such as @daily, or @every 1h30m")
    if words[0].lower() == "@every":
        return Cron(text, zone, every=cron_fields.interval(" ".join(words[1:]).lower()))
    if text.startswith("@"):
        if text.lower() not in NAMED:
            cron_fields.refuse(
                f"unknown name {text[:60]!r}: expected @every or one of {', '.join(NAMED)}"
            )
        return Cron(text.lower(), zone, fields=NAMED[text.lower()])
    return Cron(text, zone, fields=cron_fields.checked(words))


def next_after(cron: Cron, after: datetime, *, anchor: datetime) -> datetime:
    """The first due time later than `after`, in UTC; `@every` counts from `anchor`.

    A fixed time in a skipped hour is due once, right after that hour. A fixed time in a repeated
    hour is due once, at its first pass. Raises InvalidCron when the calendar ends first.
    """
    after = after.astimezone(UTC)
    try:
        if cron.every is not None:
            anchor = anchor.astimezone(UTC)
            return anchor + max(1, (after - anchor) // cron.every + 1) * cron.every
        if cron.at_fixed_times:
            return _next_fixed(cron, after)
        return _next_elapsed(cron, after)
    except OverflowError:
        cron_fields.refuse(f"{cron.expression} has no date after {after.isoformat()}")


def describe(expression: str) -> str:
    """The expression in plain English. Raises InvalidCron."""
    cron = parse(expression, "UTC")
    if cron.every is not None:
        return cron_words.interval(cron.every)
    return cron_words.sentence(simulator(cron, cron_fields.SOME_DAY))


def simulator(cron: Cron, wall: datetime) -> CronSim:
    """cronsim on a wall clock; this module handles zones and clock changes (decision 14)."""
    return CronSim(cron.fields or "", wall)


def _next_fixed(cron: Cron, after: datetime) -> datetime:
    # In the second pass of a repeated hour a wall time maps to the first pass, which is not later
    # than `after`: the loop skips it.
    for wall in simulator(cron, zones.wall_at(cron.zone, after)):
        instant = zones.instant_of(cron.zone, wall)
        if instant > after:
            return instant
    raise OverflowError


def _next_elapsed(cron: Cron, after: datetime) -> datetime:
    """Search each period of a constant zone offset in turn."""
    start, last = after, after
    while True:
        offset = zones.offset_at(cron.zone, start)
        wall = (last + offset).replace(tzinfo=None)
        found = next(simulator(cron, wall), None)
        if found is None:
            raise OverflowError
        instant = found.replace(tzinfo=UTC) - offset
        change = zones.first_change(cron.zone, start, instant)
        if change is None:
            return instant
        # One second before the change: a due time at the change itself is then later than `last`.
        start, last = change, change - timedelta(seconds=1)
