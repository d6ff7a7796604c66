"""IANA time zones: known names, offsets and clock changes."""

from __future__ import annotations

import functools
import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from crawljobs import errors

# Names in a host's zone folder that are not places: their meaning differs between hosts.
_NOT_A_PLACE = frozenset({"localtime", "Factory"})

# The step of the search for a clock change. No zone changes its clock forth and back within it.
_PROBE = timedelta(days=1)

_SECOND = timedelta(seconds=1)


@functools.cache
def known_zones() -> frozenset[str]:
    """Every zone name of this host, read once."""
    return frozenset(zoneinfo.available_timezones()) - _NOT_A_PLACE


def zone(name: str) -> ZoneInfo:
    """The zone of this name. Raises InvalidCron for an unknown name, before any file access."""
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
    """The zone's offset from UTC at this instant."""
    return instant.astimezone(tz).utcoffset() or timedelta(0)


def wall_at(tz: ZoneInfo, instant: datetime) -> datetime:
    """The zone's local time at this instant, as a naive datetime."""
    return instant.astimezone(tz).replace(tzinfo=None)


def instant_of(tz: ZoneInfo, wall: datetime) -> datetime:
    """The first instant, in UTC, at which the wall clock shows `wall`.

    For a skipped wall time it is the instant of the clock change.
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
    """The instant of the change between `low`, which has `offset`, and `high`, which differs.

    `high` is a whole second: with a fraction the loop would never come within one second.
    """
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if offset_at(tz, middle) == offset:
            low = middle
        else:
            high = middle
    return high
