"""Read the totals of the demo's database: jobs, stored rows, requests, schedules, latest events."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from onebox.postgres import latest_events
from onebox.postgres.database_checks import CONNECT_SECONDS
from onebox.postgres.latest_events import Event
from onebox.postgres.request_counter import RequestCounter

LIVE_MAX = 10_000  # limit of the live jobs that a query counts, so that the query stays fast
STATEMENT_MILLISECONDS = 1_000
# A count of all stored items takes longer when more items are stored. The pause after a count is
# COUNT_PAUSE times as long as the count itself, so that counting takes at most a twentieth of the
# time.
COUNT_PAUSE = 19
COUNT_PAUSE_SECONDS = 1.0
READ_SECONDS = 1.0  # the totals are read at most once in this time

LIVE_JOBS = """
    SELECT status, count(*) FROM (
        SELECT status FROM crawl_jobs
        WHERE status IN ('waiting', 'queued', 'crawling') LIMIT %(most)s
    ) live GROUP BY status
"""
FINISHED_JOBS = """
    SELECT status, sum(jobs) FROM (
        SELECT status, jobs FROM crawl_job_counts
        UNION ALL SELECT status, change FROM crawl_job_count_changes
    ) finished GROUP BY status
"""
REQUESTS = "SELECT client_id, window_started_at, reserved - others FROM reddit_budgets LIMIT 100"
# The next due time. Overdue schedules that wait for the end of their last group come last.
NEXT_SCHEDULE = """
    SELECT due_at, name, open_group_id FROM (
        SELECT least(next_run_at, steps_next_run_at) AS due_at, name, CASE
            WHEN steps_next_run_at <= now() AND misfire_policy = 'fire_once' THEN (
                SELECT CASE WHEN finished_at IS NULL THEN id END FROM job_groups
                WHERE scheduled_job_id = schedule.id ORDER BY id DESC LIMIT 1
            )
        END AS open_group_id
        FROM scheduled_jobs AS schedule WHERE enabled
    ) AS schedule ORDER BY open_group_id IS NOT NULL, due_at LIMIT 1
"""
STORED = """
    SELECT (SELECT count(*) FROM posts), (SELECT count(*) FROM comments),
        (SELECT count(*) FROM authors)
"""


@dataclass(frozen=True)
class Overview:
    """The totals of the database at one moment, and the latest events, the newest event first."""

    live: Mapping[str, int] = field(default_factory=dict)  # live jobs by status
    # Finished jobs by status, including the jobs of earlier runs of the demo.
    finished: Mapping[str, int] = field(default_factory=dict)
    stored: tuple[int, int, int] | None = None  # posts, comments, authors; None: too many to count
    requests: int = 0  # requests to Reddit since the start of this demo
    requests_per_second: float = 0.0
    next_run: tuple[datetime, str] | None = None  # the next due time and the name of its schedule
    next_run_waits_for: int | None = None  # id of the open group that must end before the next run
    events: tuple[Event, ...] = ()


class OverviewReader:
    """Reads overviews. The object keeps one connection to the database open."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[TupleRow] | None = None
        self._counter = RequestCounter()
        self._since: datetime | None = None  # only events after the first read are displayed
        self._count_at = 0.0
        self._read_at = 0.0
        self.first: Overview | None = None
        self.last: Overview | None = None

    def read(self, url: str, *, at_once: bool = False) -> Overview | None:
        """Return the totals. Reads them if the latest are a second old, or if `at_once` is True.

        While the database does not answer, returns the previous totals, or None if there are none.
        """
        if time.monotonic() < self._read_at and not at_once:
            return self.last
        self._read_at = time.monotonic() + READ_SECONDS
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    url, connect_timeout=CONNECT_SECONDS, autocommit=True
                )
                self._connection.execute(f"SET statement_timeout = {STATEMENT_MILLISECONDS}")
            self.last = self._read(self._connection, at_once=at_once)
            self.first = self.first or self.last
        except psycopg.Error:
            self.close()
        return self.last

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _read(self, connection: psycopg.Connection[TupleRow], *, at_once: bool) -> Overview:
        if self._since is None:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
            self._since = row[0] if row else None
        stored = self._stored(connection, at_once=at_once)
        self._counter.add(connection.execute(REQUESTS).fetchall(), time.monotonic())
        finished = connection.execute(FINISHED_JOBS).fetchall()
        next_run = connection.execute(NEXT_SCHEDULE).fetchone()
        return Overview(
            live=dict(connection.execute(LIVE_JOBS, {"most": LIVE_MAX}).fetchall()),
            finished={status: int(jobs) for status, jobs in finished},
            stored=stored,
            requests=self._counter.total,
            requests_per_second=self._counter.per_second,
            next_run=(next_run[0], latest_events.text(next_run[1])) if next_run else None,
            next_run_waits_for=next_run[2] if next_run else None,
            events=latest_events.read(connection, self._since),
        )

    def _stored(
        self, connection: psycopg.Connection[TupleRow], *, at_once: bool
    ) -> tuple[int, int, int] | None:
        began = time.monotonic()
        if self.last is not None and began < self._count_at and not at_once:
            return self.last.stored
        stored = None
        try:
            row = connection.execute(STORED).fetchone()
            stored = (row[0], row[1], row[2]) if row else None
        except psycopg.errors.QueryCanceled:
            pass  # too many rows to count in a second
        ended = time.monotonic()
        self._count_at = ended + max(COUNT_PAUSE_SECONDS, COUNT_PAUSE * (ended - began))
        return stored
