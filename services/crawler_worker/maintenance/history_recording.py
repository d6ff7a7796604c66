"""Records the history that charts show: the worker's requests, and each minute of the queue."""

from __future__ import annotations

from datetime import datetime, timedelta

from crawler_worker.reddit.request_tally import RequestTally
from crawljobs.db.database import Connection, Database
from crawljobs.repository.history import (
    budget_sample,
    hourly_rows,
    minute_clock,
    queue_sample,
    sent_requests,
)
from crawljobs.repository.operations import task_turns
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

EVERY_SECONDS = 10.0  # the interval of `run`; a killed worker loses the counts since its last run
TASK = "history"
# The shortest time between two turns of any workers. Several workers may find the due minute at the
# same time, and only the worker with the turn writes the row.
TURN = timedelta(seconds=30)


class HistoryRecording:
    """Adds the requests of this process to the history, and writes the row of each minute.

    One worker writes the row of a minute. A second write changes nothing.
    """

    def __init__(
        self, database: Database, *, tally: RequestTally | None = None, client_id: str = ""
    ) -> None:
        self._database = database
        self._tally = tally
        self._client_id = client_id

    def run(self) -> int:
        """Store the counted requests. Write the row of the last minute if no worker has written it.

        Returns the number of written rows. Raises DatabaseUnavailable.
        """
        self._store_requests()
        with self._database.read() as conn:
            is_due = minute_clock.due_minute(conn) is not None
        return self._database.run(self._record_minute) if is_due else 0

    def _store_requests(self) -> None:
        counts = self._tally.take() if self._tally else {}
        if not counts or self._tally is None:
            return
        try:
            self._database.run(
                lambda conn: sent_requests.add(conn, client_id=self._client_id, counts=counts)
            )
        except BaseException:
            self._tally.give_back(counts)
            raise

    @staticmethod
    def _record_minute(conn: Connection) -> int:
        if not task_turns.take_turn(conn, task=TASK, every=TURN):
            return 0
        at = minute_clock.due_minute(conn)
        return 0 if at is None else record_minute(conn, at=at)


def record_minute(conn: Connection, *, at: datetime, now: datetime | None = None) -> int:
    """Write the rows of the minute that starts at `at`, and of the hours that have ended.

    Returns the number of written rows, which is 0 if the row of the minute exists already.
    """
    if not queue_sample.record(conn, at=at, now=now):
        return 0
    rows = 1 + budget_sample.record(conn, at=at, now=now)
    rows += hourly_rows.roll_up(conn, at=at)
    log.debug("history.recorded", rows=rows)
    return rows
