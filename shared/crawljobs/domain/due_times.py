"""The due times of one schedule: the times of its cron expression, delayed by its offset.

The spread of a schedule is the range of its offset. With a spread, schedules with the same
expression have different offsets, so that they do not all fire at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from crawljobs.domain import cron as crons
from crawljobs.domain import tick_count

# The longest spread. With a longer spread, a schedule could fire more than a day after the time in
# its expression.
LONGEST_SPREAD = timedelta(days=1)

# 2^64 divided by the golden ratio. The multiples of this number, modulo 2^64, are evenly
# distributed. So the offsets of schedules with consecutive ids are evenly distributed over a
# spread.
_GOLDEN = 11_400_714_819_323_198_485
_MASK = 2**64 - 1


@dataclass(frozen=True)
class DueTimes:
    """The times that match `cron`, plus `offset`. The intervals of `@every` begin at `anchor`."""

    cron: crons.Cron
    anchor: datetime
    offset: timedelta = timedelta(0)

    def next_after(self, after: datetime) -> datetime:
        """Return the first due time later than `after`. Raises InvalidCron if there is none."""
        moved = crons.next_after(self.cron, after - self.offset, anchor=self.anchor)
        return moved + self.offset

    def count(self, *, after: datetime, until: datetime) -> int:
        """Return the number of due times later than `after` and not later than `until`."""
        return tick_count.count(
            self.cron,
            after=after - self.offset,
            until=until - self.offset,
            anchor=self.anchor,
        )

    def last_before(self, before: datetime, *, tick: datetime) -> datetime:
        """Return the last due time before `before`. `tick` is any due time before `before`."""
        moved = tick_count.last_before(
            self.cron,
            tick=tick - self.offset,
            before=before - self.offset,
            anchor=self.anchor,
        )
        return moved + self.offset


def offset_of(schedule_id: int, *, spread_seconds: int) -> timedelta:
    """Return the offset of this schedule: whole milliseconds, from 0 to less than its spread.

    The same arguments always give the same offset.
    """
    offset = (schedule_id * _GOLDEN & _MASK) * spread_seconds * 1000 >> 64
    return timedelta(milliseconds=offset)
