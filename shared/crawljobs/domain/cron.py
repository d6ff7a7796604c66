"""Cron expressions in a time zone: parse, describe, and compute due times.

Clock changes follow the rule of Vixie cron.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from crawljobs import errors
from crawljobs.domain import cron_words, zones

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
SHORTEST_EVERY = timedelta(seconds=60)
LONGEST_EVERY = timedelta(days=366)

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}  # in seconds
_EVERY = re.compile("".join(rf"(?:([0-9]+){unit})?" for unit in _UNITS))

_FIELDS = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, L or LW",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT (0 and 7 are Sunday), 5L or 5#2",
}
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
# A range that ends with SUN, such as MON-SUN, means Sunday as 7, not as 0.
_UNTIL_SUNDAY = re.compile(r"(?<=[A-Z1-6])(?<!SUN)-SUN\b")
_NAME = re.compile("[A-Z]{3}")
_STEPPED_RANGE = re.compile("([0-9]+)-([0-9]+)/[0-9]+")

# Any date works: cronsim searches 50 years ahead, and the rarest date comes once in 40 years.
_SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall clock without a zone


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
        _refuse(f"too long: at most {LONGEST_EXPRESSION} characters")
    if not expression.isascii() or not expression.isprintable():
        _refuse(
            "expected plain ASCII with spaces between the fields, no tabs or line ends, "
            f"got {expression[:60]!r}"
        )
    words = expression.split()
    text = " ".join(words)
    if not words:
        _refuse("empty: expected five fields, a name such as @daily, or @every 1h30m")
    if words[0].lower() == "@every":
        return Cron(text, zone, every=_interval(" ".join(words[1:]).lower()))
    if text.startswith("@"):
        if text.lower() not in NAMED:
            _refuse(f"unknown name {text[:60]!r}: expected @every or one of {', '.join(NAMED)}")
        return Cron(text.lower(), zone, fields=NAMED[text.lower()])
    return Cron(text, zone, fields=_checked_fields(words))


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
        _refuse(f"{cron.expression} has no date after {after.isoformat()}")


def describe(expression: str) -> str:
    """The expression in plain English. Raises InvalidCron."""
    cron = parse(expression, "UTC")
    if cron.every is not None:
        return cron_words.interval(cron.every)
    return cron_words.sentence(simulator(cron, _SOME_DAY))


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


def _interval(text: str) -> timedelta:
    match = _EVERY.fullmatch(text)
    if match is None or not text:
        _refuse(f"@every {text[:60]!r}: expected a duration such as 7d, 1h30m or 90s")
    seconds = sum(
        int(number) * unit
        for number, unit in zip(match.groups(default="0"), _UNITS.values(), strict=True)
    )
    if not SHORTEST_EVERY.total_seconds() <= seconds <= LONGEST_EVERY.total_seconds():
        _refuse(f"@every {text[:60]!r}: expected between 60s and 366d")
    return timedelta(seconds=seconds)


def _checked_fields(words: list[str]) -> str:
    if len(words) != len(_FIELDS):
        hint = " (seconds are not supported)" if len(words) == len(_FIELDS) + 1 else ""
        _refuse(f"expected five fields ({' '.join(_FIELDS)}), got {len(words)}{hint}")
    words = [word.upper() for word in words]
    numeric = [*words[:3], _with_numbers(words[3], _MONTHS, 1)]
    numeric.append(_with_numbers(_UNTIL_SUNDAY.sub("-7", words[4]), _WEEKDAYS, 0))
    for position, (name, expected) in enumerate(_FIELDS.items()):
        alone = ["*"] * len(_FIELDS)
        alone[position] = numeric[position]
        try:
            CronSim(" ".join(alone), _SOME_DAY)
        except CronSimError:
            _refuse(
                f"{name} {words[position][:60]!r}: expected {expected}, *, ranges, steps, lists"
            )
    fields = " ".join(_STEPPED_RANGE.sub(_without_useless_step, word) for word in numeric)
    try:
        next(CronSim(fields, _SOME_DAY))
    except (CronSimError, StopIteration):
        _refuse(f"{' '.join(words)[:60]!r} never comes: no such date in the calendar")
    return fields


def _with_numbers(word: str, names: list[str], first: int) -> str:
    numbers = {name: str(number) for number, name in enumerate(names, first)}
    return _NAME.sub(lambda found: numbers.get(found[0], found[0]), word)


def _without_useless_step(found: re.Match[str]) -> str:
    """5-5/2 means 5; cronsim would read it as 5/2, which runs to the end of the field."""
    first, last = int(found[1]), int(found[2])
    return str(first) if first == last else found[0]


def _refuse(reason: str) -> NoReturn:
    raise errors.InvalidCron(reason)
