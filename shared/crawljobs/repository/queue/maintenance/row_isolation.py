"""Sweeps that go on although one row cannot be changed.

A sweep changes many rows in one transaction. One of them that always fails (by a trigger, a
constraint, a value that no rule can read) would fail the whole piece, for ever.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Connection

from crawljobs.db import failures
from crawljobs.db.database import Database
from crawljobs.errors import CrawljobsError
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

TRANSACTIONS_MAX = 1_000  # of one run: a sweep that never ends would hide the others
PASSED_OVER_MAX = 50  # rows; when more fail, the rows are not at fault
LOOK_AGAIN_SECONDS = 30.0  # until rows that were passed over are tried again
REPORT_AGAIN_SECONDS = 3_600.0
_SMALLER = 10  # by this factor a piece shrinks after a failure and grows after a success


class Change(Protocol):
    def __call__(self, conn: Connection, *, at_most: int, skip: int) -> int:
        """Change at most `at_most` rows after the first `skip`; how many.

        What was changed is not found again. Fewer than `at_most`: nothing is left.
        """


class RowIsolation:
    """One for each sweep of a process; it remembers the rows that it passed over."""

    def __init__(
        self,
        database: Database,
        *,
        task: str,
        at_most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._task = task
        self._at_most = at_most
        self._clock = clock
        self._passed_over = 0  # rows at the front: they stay there, since they are never changed
        self._look_again_at = clock()
        self._reported: OrderedDict[tuple[int, str], float] = OrderedDict()  # row, reason -> when

    def run(
        self,
        change: Change,
        *,
        then: Callable[[], None] = lambda: None,
        goes_on: Callable[[], bool] = lambda: True,
        follows: bool = False,
    ) -> int:
        """Sweep until nothing is left or `goes_on` is false; how many rows were changed.

        `then` is called after each commit. `follows`: a piece begins after the last row that was
        changed, so that no row before it counts for `skip`. Raises the error of a row when more
        than PASSED_OVER_MAX fail, and any error that no row has caused.
        """
        self._look_at_all_now_and_then()
        skip, at_most, total = self._passed_over, self._at_most, 0
        for _ in range(TRANSACTIONS_MAX):
            try:
                changed = self._database.run(
                    lambda conn, n=at_most, k=skip: change(conn, at_most=n, skip=k)  # type: ignore[misc]
                )
            except Exception as error:
                if not failures.is_of_one_row(error) or self._passed_over >= PASSED_OVER_MAX:
                    raise
                if at_most == 1:
                    self._report(error)
                    self._passed_over += 1
                    skip += 1
                at_most = max(1, at_most // _SMALLER)
                if not goes_on():
                    break
                continue
            then()
            total += changed
            if changed < at_most or not goes_on():
                break
            at_most = min(self._at_most, at_most * _SMALLER)
            skip = 0 if follows else skip
        return total

    def _look_at_all_now_and_then(self) -> None:
        now = self._clock()
        if now >= self._look_again_at:
            self._passed_over = 0
            self._look_again_at = now + LOOK_AGAIN_SECONDS

    def _report(self, error: Exception) -> None:
        reason = str(error) if isinstance(error, CrawljobsError) else failures.describe(error)
        now, row = self._clock(), (self._passed_over, reason)
        if now - self._reported.get(row, -REPORT_AGAIN_SECONDS) < REPORT_AGAIN_SECONDS:
            return
        self._reported[row] = now
        if len(self._reported) > 2 * PASSED_OVER_MAX:
            self._reported.popitem(last=False)
        log.error("maintenance.row_passed_over", task=self._task, reason=reason)


class RowIsolations:
    """A RowIsolation for each task of a process."""

    def __init__(self, database: Database, *, at_most: int) -> None:
        self._database = database
        self._at_most = at_most
        self._by_task: dict[str, RowIsolation] = {}

    def of(self, task: str) -> RowIsolation:
        if task not in self._by_task:
            self._by_task[task] = RowIsolation(self._database, task=task, at_most=self._at_most)
        return self._by_task[task]
