"""Simulate Vixie cron minute by minute, to check due times without code of the product.

Like Vixie cron, the simulation stores the latest wall-clock minute that has passed. A fixed time
fires when this minute passes the fixed time. So times in a skipped hour fire directly after the
hour, and times in a repeated hour fire once. Wildcards fire whenever the wall clock matches.
"""

import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
LONGEST_CHANGE = timedelta(days=1)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def due_times(fields: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """Return every due minute in (start, end]. Fields may have numbers, stars, -, / and commas."""
    words = fields.split()
    sets = [_numbers(word, *limits) for word, limits in zip(words, RANGES, strict=True)]
    both_days = words[2].startswith("*") or words[4].startswith("*")
    fixed = not words[0].startswith("*") and not words[1].startswith("*")

    def matches(wall: datetime) -> bool:
        minutes, hours, days, months, weekdays = sets
        if wall.minute not in minutes or wall.hour not in hours or wall.month not in months:
            return False
        by_date = wall.day in days
        by_weekday = bool({wall.isoweekday(), wall.isoweekday() % 7} & weekdays)
        return (by_date and by_weekday) if both_days else (by_date or by_weekday)

    found = []
    seen = None
    for instant, wall in _timeline(zone, start - LONGEST_CHANGE, end):
        if seen is None:
            seen = wall
            continue
        fires = any(map(matches, _walls(seen, wall))) if fixed else matches(wall)
        if fires and instant > start:
            found.append(instant)
        seen = max(seen, wall)
    return found


def clock_changes(zone: str, years: range) -> list[datetime]:
    """Return the hours (UTC) in which a zone's clocks changed. This checks every hour."""
    tz = ZoneInfo(zone)
    hour = datetime(years.start, 1, 1, tzinfo=UTC)
    end = datetime(years.stop, 1, 1, tzinfo=UTC)
    found = []
    offset = hour.astimezone(tz).utcoffset()
    while hour < end:
        hour += timedelta(hours=1)
        if (now := hour.astimezone(tz).utcoffset()) != offset:
            found.append(hour)
            offset = now
    return found


@functools.lru_cache(maxsize=4)  # tests check several expressions in the same period
def _timeline(zone: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return every minute of the period, with the wall-clock time of the zone."""
    tz = ZoneInfo(zone)
    return [
        (instant, instant.astimezone(tz).replace(tzinfo=None)) for instant in _minutes(start, end)
    ]


def _minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    instant = start.replace(second=0, microsecond=0)
    while instant <= end:
        yield instant
        instant += MINUTE


def _walls(seen: datetime, wall: datetime) -> Iterator[datetime]:
    while seen < wall:
        seen += MINUTE
        yield seen


def _numbers(word: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for term in word.split(","):
        span, _, step = term.partition("/")
        first, _, last = span.partition("-")
        low = least if span == "*" else int(first)
        high = most if span == "*" or (step and not last) else int(last or first)
        found.update(range(low, high + 1, int(step or 1)))
    return found
