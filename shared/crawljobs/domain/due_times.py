"""The due times of one schedule: its expression, its anchor, its share of the spread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from crawljobs.domain import cron as crons
from crawljobs.domain import tick_count

# A day: with more, a schedule would run on another day than the one it names.
LONGEST_SPREAD = timedelta(days=1)

# 2^64 divided by the golden ratio: multiples of it lie as far apart as so many can, so schedules
# made one after the other share a spread evenly.
_GOLDEN = 11_400_714_819_323_198_485
_MASK = 2**64 - 1


@dataclass(frozen=True)
class DueTimes:
    """Every due time is one of the expression, moved by `offset`; `@every` counts from `anchor`."""

    cron: crons.Cron
    anchor: datetime
    offset: timedelta = timedelta(0)

    def next_after(self, after: datetime) -> datetime:
        """The first due time later than `after`. Raises InvalidCron."""
        moved = crons.next_after(self.cron, after - self.offset, anchor=self.anchor)
        return moved + self.offset

    def count(self, *, after: datetime, until: datetime) -> int:
        """How many due times lie in (after, until]."""
        return tick_count.count(
            self.cron,
            after=after - self.offset,
            until=until - self.offset,
            anchor=self.anchor,
        )

    def last_before(self, before: datetime, *, tick: datetime) -> datetime:
        """The last due time earlier than `before`, given one, `tick`, that is."""
        moved = tick_count.last_before(
            self.cron,
            tick=tick - self.offset,
            before=before - self.offset,
            anchor=self.anchor,
        )
        return moved + self.offset


def offset_of(schedule_id: int, *, spread_seconds: int) -> timedelta:
    """Where in the spread this schedule runs: always the same, to the millisecond."""
    place = (schedule_id * _GOLDEN & _MASK) * spread_seconds * 1000 >> 64
    return timedelta(milliseconds=place)
