"""Run a sweep so that it changes all other rows if the change of one row fails.

A sweep changes many rows, a chunk, in one transaction. The change of one row may fail each time,
because of a trigger, a constraint or an invalid value. Without isolation, that row would make its
whole chunk fail forever (decision 99).
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

# Limit of transactions in one run; an endless run would stop the other sweeps.
TRANSACTIONS_MAX = 1_000
PASSED_OVER_MAX = 50  # limit of failing rows that a sweep skips; if more rows fail, the sweep fails
RETRY_SKIPPED_SECONDS = 30.0  # skipped rows are tried again after this time
REPORT_AGAIN_SECONDS = 3_600.0  # the same failure of a row is logged again after this time
_SMALLER = 10  # a chunk shrinks by this factor after a failure and grows by it after a success


class Change(Protocol):
    def __call__(self, conn: Connection, *, at_most: int, skip: int) -> int:
        """Skip the first `skip` rows, change at most `at_most` rows, and return how many changed.

        A later call must not find a changed row again. A result below `at_most` means that no row
        is left.
        """


class RowIsolation:
    """Runs one kind of sweep in this process.

    If the change of a row fails, the sweep skips that row and still changes the other rows.
    """

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
        self._passed_over = 0  # how many rows are skipped, because their change failed
        self._retry_skipped_at = clock()
        # For each failure of a row: the time when it was last logged, by the monotonic clock.
        self._reported: OrderedDict[tuple[int, str], float] = OrderedDict()

    def run(
        self,
        change: Change,
        *,
        then: Callable[[], None] = lambda: None,
        may_continue: Callable[[], bool] = lambda: True,
        follows: bool = False,
    ) -> int:
        """Run the sweep until no row is left or `may_continue` returns false.

        Returns the number of changed rows. Raises any error that is not caused by a single row.
        Raises the error of a row only if more than PASSED_OVER_MAX rows fail.

        - `then`: called after each commit.
        - `follows`: each chunk starts after the last changed row. Then the `skip` of `change`
          counts only the failing rows after that row.
        """
        self._retry_skipped_rows_when_due()
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
                if not may_continue():
                    break
                continue
            then()
            total += changed
            if changed < at_most or not may_continue():
                break
            at_most = min(self._at_most, at_most * _SMALLER)
            skip = 0 if follows else skip
        return total

    def _retry_skipped_rows_when_due(self) -> None:
        now = self._clock()
        if now >= self._retry_skipped_at:
            self._passed_over = 0
            self._retry_skipped_at = now + RETRY_SKIPPED_SECONDS

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
    """Holds one RowIsolation for each kind of sweep in this process."""

    def __init__(self, database: Database, *, at_most: int) -> None:
        self._database = database
        self._at_most = at_most
        self._by_task: dict[str, RowIsolation] = {}

    def of(self, task: str) -> RowIsolation:
        if task not in self._by_task:
            self._by_task[task] = RowIsolation(self._database, task=task, at_most=self._at_most)
        return self._by_task[task]
