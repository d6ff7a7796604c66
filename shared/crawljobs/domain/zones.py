"""IANA time zones: known names, offsets and clock changes."""

from __future__ import annotations

import functools
import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from crawljobs import errors

# Names in a host's zone folder that are not names of places. Their meaning depends on the host.
_NOT_A_PLACE = frozenset({"localtime", "Factory"})

# The step of the search for a clock change. No zone changes its clock forward and back within one
# step, so the search finds every change.
_PROBE = timedelta(days=1)

_SECOND = timedelta(seconds=1)


@functools.cache
def known_zones() -> frozenset[str]:
    """Return all zone names of this host. The host's list is read only once."""
    return frozenset(zoneinfo.available_timezones()) - _NOT_A_PLACE


def zone(name: str) -> ZoneInfo:
    """Return the zone. Raises InvalidCron for an unknown name.

    The name is checked first, because ZoneInfo would open any name as the path of a file.
    """
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
    """Return the zone's offset from UTC at this instant."""
    return instant.astimezone(tz).utcoffset() or timedelta(0)


def wall_at(tz: ZoneInfo, instant: datetime) -> datetime:
    """Return the zone's local time at this instant, as a datetime without a zone."""
    return instant.astimezone(tz).replace(tzinfo=None)


def instant_of(tz: ZoneInfo, wall: datetime) -> datetime:
    """Return the first instant, in UTC, at which the zone's local time is `wall`.

    If the clock skips `wall`, return the instant of the clock change.
    """
    instant = wall.replace(tzinfo=tz).astimezone(UTC)
    if wall_at(tz, instant) == wall:
        return instant
    # PEP 495: if the clock skips `wall`, fold=1 gives an instant before the clock change, and
    # fold=0 gives an instant after the change.
    before = wall.replace(tzinfo=tz, fold=1).astimezone(UTC)
    return first_change(tz, before, instant) or instant


def first_change(tz: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """Return the first clock change after `start` and up to `end`. None: there is no change."""
    offset = offset_at(tz, start)
    low = start.replace(microsecond=0)
    while low < end:
        high = min(low + _PROBE, end)
        if offset_at(tz, high) != offset:
            # A clock change is at a whole second, so the fraction of `high` can be cut.
            return _bisect(tz, low, high.replace(microsecond=0), offset)
        low = high
    return None


def _bisect(tz: ZoneInfo, low: datetime, high: datetime, offset: timedelta) -> datetime:
    """Return the instant of the clock change. `low` is before the change, at the offset `offset`.

    `high` is after the change. It is a whole second; with a fraction the loop would never end.
    """
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if offset_at(tz, middle) == offset:
            low = middle
        else:
            high = middle
    return high
