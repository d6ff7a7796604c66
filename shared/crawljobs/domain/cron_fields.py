"""Check the five fields of a cron expression, and the duration of `@every`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NoReturn

from cronsim import CronSim, CronSimError

from crawljobs import errors

SHORTEST_EVERY = timedelta(seconds=60)
LONGEST_EVERY = timedelta(days=366)

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}  # seconds in each unit
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
# Matches -SUN at the end of a range such as MON-SUN, which becomes 1-7. With 0 for Sunday, the
# range would be 1-0, which is invalid.
_UNTIL_SUNDAY = re.compile(r"(?<=[A-Z1-6])(?<!SUN)-SUN\b")
_NAME = re.compile("[A-Z]{3}")
_STEPPED_RANGE = re.compile("([0-9]+)-([0-9]+)/[0-9]+")

# The start of a search for any match. Any date works, because cronsim searches 50 years ahead, and
# the rarest match comes once in 40 years.
SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - a local time without a zone


def interval(text: str) -> timedelta:
    """Return the duration of an `@every` expression. Raises InvalidCron."""
    match = _EVERY.fullmatch(text)
    if match is None or not text:
        refuse(f"@every {text[:60]!r}: expected a duration such as 7d, 1h30m or 90s")
    seconds = sum(
        int(number) * unit
        for number, unit in zip(match.groups(default="0"), _UNITS.values(), strict=True)
    )
    if not SHORTEST_EVERY.total_seconds() <= seconds <= LONGEST_EVERY.total_seconds():
        refuse(f"@every {text[:60]!r}: expected between 60s and 366d")
    return timedelta(seconds=seconds)


def checked(words: list[str]) -> str:
    """Return the five fields as one text, with numbers instead of names. Raises InvalidCron."""
    if len(words) != len(_FIELDS):
        hint = " (seconds are not supported)" if len(words) == len(_FIELDS) + 1 else ""
        refuse(f"expected five fields ({' '.join(_FIELDS)}), got {len(words)}{hint}")
    words = [word.upper() for word in words]
    numeric = [*words[:3], _with_numbers(words[3], _MONTHS, 1)]
    numeric.append(_with_numbers(_UNTIL_SUNDAY.sub("-7", words[4]), _WEEKDAYS, 0))
    for position, (name, expected) in enumerate(_FIELDS.items()):
        alone = ["*"] * len(_FIELDS)
        alone[position] = numeric[position]
        try:
            CronSim(" ".join(alone), SOME_DAY)
        except CronSimError:
            refuse(f"{name} {words[position][:60]!r}: expected {expected}, *, ranges, steps, lists")
    fields = " ".join(_STEPPED_RANGE.sub(_without_useless_step, word) for word in numeric)
    try:
        next(CronSim(fields, SOME_DAY))
    except (CronSimError, StopIteration):
        refuse(f"{' '.join(words)[:60]!r} never comes: the calendar has no matching date")
    return fields


def _with_numbers(word: str, names: list[str], first: int) -> str:
    numbers = {name: str(number) for number, name in enumerate(names, first)}
    return _NAME.sub(lambda found: numbers.get(found[0], found[0]), word)


def _without_useless_step(found: re.Match[str]) -> str:
    """Return 5 for 5-5/2, because cronsim would read 5-5/2 as 5/2: every second value from 5."""
    first, last = int(found[1]), int(found[2])
    return str(first) if first == last else found[0]


def refuse(reason: str) -> NoReturn:
    """Raise InvalidCron with this reason as its message."""
    raise errors.InvalidCron(reason)
