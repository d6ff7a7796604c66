"""The due times of one schedule: its expression, its anchor and its offset in the spread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from crawljobs.domain import cron as crons
from crawljobs.domain import tick_count

# With a longer spread a schedule would run on another day than its expression names.
LONGEST_SPREAD = timedelta(days=1)

# 2^64 divided by the golden ratio. Multiples of it, modulo 2^64, are evenly distributed, so
# schedules with consecutive ids are evenly distributed over a spread.
_GOLDEN = 11_400_714_819_323_198_485
_MASK = 2**64 - 1


@dataclass(frozen=True)
class DueTimes:
    """Each due time is a time of the expression plus `offset`; `@every` counts from `anchor`."""

    cron: crons.Cron
    anchor: datetime
    offset: timedelta = timedelta(0)

    def next_after(self, after: datetime) -> datetime:
        """The first due time later than `after`. Raises InvalidCron."""
        moved = crons.next_after(self.cron, after - self.offset, anchor=self.anchor)
        return moved + self.offset

    def count(self, *, after: datetime, until: datetime) -> int:
        """The number of due times in (after, until]."""
        return tick_count.count(
            self.cron,
            after=after - self.offset,
            until=until - self.offset,
            anchor=self.anchor,
        )

    def last_before(self, before: datetime, *, tick: datetime) -> datetime:
        """The last due time before `before`; `tick` is any due time before it."""
        moved = tick_count.last_before(
            self.cron,
            tick=tick - self.offset,
            before=before - self.offset,
            anchor=self.anchor,
        )
        return moved + self.offset


def offset_of(schedule_id: int, *, spread_seconds: int) -> timedelta:
    """The offset of this schedule in the spread, in whole milliseconds; always the same."""
    offset = (schedule_id * _GOLDEN & _MASK) * spread_seconds * 1000 >> 64
    return timedelta(milliseconds=offset)
