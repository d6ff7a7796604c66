"""For TRY_AGAIN_SECONDS, skip each due schedule that can neither fire nor be disabled.

These schedules stay due. Without the skip, they would come first in every batch, and 100 of them
would block all other schedules.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from crawljobs.runtime import logs
from crawljobs.runtime.log_limit import LogLimit
from scheduler.firing_results import Stuck

log = logs.get_logger(__name__)

TRY_AGAIN_SECONDS = 60.0
# The maximum number of skipped schedules. When one more schedule is added, the schedule that was
# skipped first is no longer skipped.
MOST = 1_000


class PassedOver:
    """Holds the schedules that are skipped now, each with the time when its skip ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: OrderedDict[int, float] = OrderedDict()
        self._lines = LogLimit(clock)

    def add(self, stuck: Stuck) -> None:
        """Skip this schedule for TRY_AGAIN_SECONDS, and log it."""
        schedule = stuck.schedule
        self._until.pop(schedule.id, None)
        self._until[schedule.id] = self._clock() + TRY_AGAIN_SECONDS
        if len(self._until) > MOST:
            self._until.popitem(last=False)
        left_out = self._lines.lines_left_out()
        if left_out is not None:
            log.error(
                "schedule.stuck",
                schedule_id=schedule.id,
                schedule=schedule.name,
                reason=stuck.reason,
                lines_left_out=left_out,
            )

    def ids(self) -> list[int]:
        """Return the ids of the schedules that are still skipped."""
        now = self._clock()
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        return list(self._until)
