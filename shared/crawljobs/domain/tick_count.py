"""Count the due times in a period without computing each due time. A tick is a due time."""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from cronsim import CronSim

from crawljobs.domain import cron as crons
from crawljobs.domain import zones

# When a zone's clock goes back, some local times occur twice, but a tick at a fixed local time
# fires only once. So within _WINDOW after a clock change, ticks are computed one by one, which is
# slow.
#
# _WINDOW must be longer than the span of repeated local times. Since 1970, only Antarctica/Vostok
# had a longer span: 7 hours in 1994.
_WINDOW = timedelta(hours=6)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)

_FIRST_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - a local time without a zone
_CYCLE_DAYS = 28 * 365 + 7  # days after which leap years and weekdays repeat


def walk(
    cron: crons.Cron, *, after: datetime, until: datetime, anchor: datetime
) -> Iterator[datetime]:
    """Yield every due time later than `after` and not later than `until`."""
    tick = crons.next_after(cron, after, anchor=anchor)
    while tick <= until:
        yield tick
        tick = crons.next_after(cron, tick, anchor=anchor)


def count(cron: crons.Cron, *, after: datetime, until: datetime, anchor: datetime) -> int:
    """Return the exact number of due times later than `after` and not later than `until`.

    A call takes a few microseconds for each day of the period.
    """
    after, until = after.astimezone(UTC), until.astimezone(UTC)
    if until <= after:
        return 0
    if cron.every is not None:
        first = max(0, (after - anchor) // cron.every)
        return max(0, (until - anchor) // cron.every - first)
    days = _Days(crons.simulator(cron, after.replace(tzinfo=None)))
    total = 0
    while after < until:
        # `_Days` cannot count in the _WINDOW after a clock change, because local times may repeat.
        # The search begins _WINDOW before `after`, because a change may lie just before `after`.
        change = zones.first_change(cron.zone, after - _WINDOW, until)
        end = until if change is None else change - _SECOND
        if end > after:
            offset = zones.offset_at(cron.zone, after)
            total += days.count((after + offset).replace(tzinfo=None), end - after)
        else:
            end = min((change or after) + _WINDOW, until)
            total += sum(1 for _ in walk(cron, after=after, until=end, anchor=anchor))
        after = end
    return total


def last_before(
    cron: crons.Cron, *, tick: datetime, before: datetime, anchor: datetime
) -> datetime:
    """Return the last due time before `before`. `tick` is any due time before `before`.

    The binary search stops at a distance of one second, because due times are further apart.
    """
    low, high = tick, before
    while high - low > _SECOND:
        middle = low + (high - low) / 2
        following = crons.next_after(cron, middle, anchor=anchor)
        if following < before:
            low = following
        else:
            high = middle
    following = crons.next_after(cron, low, anchor=anchor)
    return following if following < before else low


def per_day(cron: crons.Cron) -> float:
    """Return the average number of due times a day, over a full cycle of leap years."""
    if cron.every is not None:
        return timedelta(days=1) / cron.every
    days = (cron.fields or "").split()[2:]
    sim = crons.simulator(cron, _FIRST_DAY)
    return len(sim.minutes) * len(sim.hours) * _share_of_days(" ".join(days))


@functools.lru_cache(maxsize=1024)
def _share_of_days(fields: str) -> float:
    sim = CronSim(f"0 0 {fields}", _FIRST_DAY)
    days = (_FIRST_DAY.date() + timedelta(days=day) for day in range(_CYCLE_DAYS))
    return sum(day.month in sim.months and sim.match_day(day) for day in days) / _CYCLE_DAYS


class _Days:
    """Counts the due times in a period without a clock change, such as the start of summer time."""

    def __init__(self, sim: CronSim) -> None:
        self._sim = sim
        self._minutes = sorted(hour * 60 + minute for hour in sim.hours for minute in sim.minutes)

    def count(self, wall: datetime, length: timedelta) -> int:
        """Return the number of due times later than `wall`, up to `wall + length` inclusive."""
        end = wall + length
        day, last = wall.date(), end.date()
        total = self._matches(last) * self._until(end) - self._matches(day) * self._until(wall)
        while day < last:
            total += self._matches(day) * len(self._minutes)
            day += _DAY
        return total

    def _matches(self, day: date) -> bool:
        return day.month in self._sim.months and self._sim.match_day(day)

    def _until(self, wall: datetime) -> int:
        return bisect_right(self._minutes, wall.hour * 60 + wall.minute)
