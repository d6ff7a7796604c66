"""IANA time zones: which exist, and when their clocks change."""

from __future__ import annotations

import functools
import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from crawljobs import errors

# Names in a host's zone folder that are no place: they mean another thing on every host.
_NOT_A_PLACE = frozenset({"localtime", "Factory"})

# No zone changes its clocks there and back within this; between two probes a change is seen.
_PROBE = timedelta(days=1)

_SECOND = timedelta(seconds=1)


@functools.cache
def known_zones() -> frozenset[str]:
    """Every zone name of this host, read once."""
    return frozenset(zoneinfo.available_timezones()) - _NOT_A_PLACE


def zone(name: str) -> ZoneInfo:
    """The zone of this name. Raises InvalidCron; an unknown name never reaches the file system."""
    if name not in known_zones():
        lowered = name.lower()
        meant = next((zone for zone in known_zones() if zone.lower() == lowered), None)
        expected = f"write {meant}" if meant else "expected an IANA name such as Europe/Berlin"
        raise errors.InvalidCron(
            f"unknown time zone {name[:60]!r}: {expected}",
            field="timezone",
        )
    return ZoneInfo(name)


def offset_at(tz: ZoneInfo, instant: datetime) -> timedelta:
    """How far the zone's wall clock is ahead of UTC at this instant."""
    return instant.astimezone(tz).utcoffset() or timedelta(0)


def wall_at(tz: ZoneInfo, instant: datetime) -> datetime:
    """What the zone's wall clock shows, as a naive datetime."""
    return instant.astimezone(tz).replace(tzinfo=None)


def instant_of(tz: ZoneInfo, wall: datetime) -> datetime:
    """When the wall clock shows `wall` for the first time, in UTC.

    A wall time that the clock skips has the instant at which it skipped it.
    """
    instant = wall.replace(tzinfo=tz).astimezone(UTC)
    if wall_at(tz, instant) == wall:
        return instant
    # PEP 495: inside a gap, fold=1 names an instant before the change and fold=0 one after it.
    before = wall.replace(tzinfo=tz, fold=1).astimezone(UTC)
    return first_change(tz, before, instant) or instant


def first_change(tz: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The first instant in (start, end] whose offset differs from the one at `start`."""
    offset = offset_at(tz, start)
    low = start.replace(microsecond=0)
    while low < end:
        high = min(low + _PROBE, end)
        if offset_at(tz, high) != offset:
            # A zone changes its clocks at a whole second, so `high` may lose its fraction.
            return _bisect(tz, low, high.replace(microsecond=0), offset)
        low = high
    return None


def _bisect(tz: ZoneInfo, low: datetime, high: datetime, offset: timedelta) -> datetime:
    """The change between `low`, which still has `offset`, and `high`, which has not.

    `high` is a whole second: a fraction would keep the two more than a second apart for ever.
    """
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if offset_at(tz, middle) == offset:
            low = middle
        else:
            high = middle
    return high
