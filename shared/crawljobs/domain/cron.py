"""Parse and describe cron expressions, and compute their due times in a time zone.

When the clock of the zone changes (daylight saving time), due times follow Vixie cron: see
`next_after`.
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

# This length is enough for a list of all 60 minutes. A longer expression would only cost parsing
# time.
LONGEST_EXPRESSION = 256  # characters of an expression


@dataclass(frozen=True)
class Cron:
    """A valid cron expression and its time zone. It has either five fields or an interval."""

    expression: str
    zone: ZoneInfo
    fields: str | None = None
    every: timedelta | None = None

    @property
    def at_fixed_times(self) -> bool:
        """Whether the expression names times of the clock, such as 02:30.

        An expression whose minute or hour starts with `*` names intervals instead, such as every 10
        minutes.
        """
        minute, hour, *_ = (self.fields or "* *").split()
        return not minute.startswith("*") and not hour.startswith("*")


@functools.lru_cache(maxsize=1024)
def parse(expression: str, timezone: str) -> Cron:
    """Return the parsed expression with its IANA time zone. Raises InvalidCron."""
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
    """Return the first due time later than `after`, in UTC. `@every` intervals begin at `anchor`.

    Fixed times at a change of the clock:

    - A time in an hour that the clock skips is due right after this hour.
    - A time in an hour that the clock repeats is due only once, at its first occurrence.

    Raises InvalidCron if no later date matches the expression.
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
    """Return the expression in plain English. Raises InvalidCron."""
    cron = parse(expression, "UTC")
    if cron.every is not None:
        return cron_words.interval(cron.every)
    return cron_words.sentence(simulator(cron, cron_fields.SOME_DAY))


def simulator(cron: Cron, wall: datetime) -> CronSim:
    """Return an iterator of cronsim over the matching local times later than `wall`.

    Cronsim gets no time zone: this module handles zones and clock changes (decision 14).
    """
    return CronSim(cron.fields or "", wall)


def _next_fixed(cron: Cron, after: datetime) -> datetime:
    # `wall` is a local time. If a clock change repeats an hour, each local time in this hour occurs
    # twice, and `instant_of` returns the first occurrence. If the first occurrence is not later
    # than `after`, `wall` has fired already and is skipped.
    for wall in simulator(cron, zones.wall_at(cron.zone, after)):
        instant = zones.instant_of(cron.zone, wall)
        if instant > after:
            return instant
    raise OverflowError


def _next_elapsed(cron: Cron, after: datetime) -> datetime:
    """Return the first due time after `after`, for an expression with intervals, such as `*/10`.

    The offset from UTC is constant between two clock changes. So the function searches each
    period between two clock changes with its own offset, the earliest period first.
    """
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
        # The simulator finds only times later than `last`. A due time may be exactly at the clock
        # change. So `last` is one second before the change.
        start, last = change, change - timedelta(seconds=1)
