"""Real schedulers run a month of virtual time in a minute. Some are killed. No due time is lost."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from crawljobs.db.database import Database
from crawljobs.domain.schedule import MisfirePolicy
from support import ledger_oracle, vixie
from support import schedule_rows as rows
from support.virtual_time import VirtualClock
from support.waiting import wait_until

Start = Callable[..., Any]
DEADLINE_SECONDS = 60  # long enough for a busy machine
ZONES = ["America/New_York", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"]
EXPRESSIONS = [
    "*/15 * * * *",
    "0 * * * *",
    "30 */2 * * *",
    "0 0 * * *",
    "30 2 * * *",
    "15,45 1-3 * * *",
    "10 0,23 * * 6,0",
    "5 12 1,15 * 3",
    "@every 47m",
    "@every 1d2h",
]
POLICIES: list[tuple[MisfirePolicy, int | None]] = [
    (MisfirePolicy.FIRE_ONCE, None),
    (MisfirePolicy.SKIP, None),
    (MisfirePolicy.FIRE_ONCE, 3600),
    (MisfirePolicy.SKIP, 7200),
]
# In 2024 clocks go forward on 10 March in New York and on 31 March in Berlin. They go back on 7
# April in Santiago, and by half an hour on Lord Howe. In autumn the directions are reversed.
SPRING = datetime(2024, 3, 9, tzinfo=UTC)
AUTUMN = datetime(2024, 10, 5, tzinfo=UTC)


@dataclass
class Month:
    """Runs several schedulers while virtual time passes in short and long steps."""

    database: Database
    url: str
    start_scheduler: Start
    dice: random.Random
    clock: VirtualClock
    schedulers: list[Any] = field(default_factory=list)

    def pass_until(self, end: datetime, *, schedulers: int) -> int:
        """Let time pass until `end`. Return how many schedulers were killed."""
        self.schedulers = [self._started() for _ in range(schedulers)]
        self._wait_until_up()
        killed = 0
        while (now := self.clock.now()) < end:
            step = self._step()
            is_outage = step > timedelta(hours=12)
            if is_outage:
                for scheduler in self.schedulers:
                    scheduler.kill()
            self._pass(min(now + step, end))
            if is_outage:
                killed += len(self.schedulers)
                self.schedulers = [self._started() for _ in self.schedulers]
            elif self.dice.random() < 0.1:
                killed += 1
                self._kill_one_at_some_moment()
            self._wait_until_nothing_is_due()
            self._finish_some_jobs()
        return killed

    def _step(self) -> timedelta:
        shortest, longest = self.dice.choices(
            [(1, 20), (20, 180), (180, 700), (1440, 4000)], weights=[70, 20, 8, 2]
        )[0]
        return timedelta(minutes=self.dice.uniform(shortest, longest))

    def _pass(self, now: datetime) -> None:
        self.clock.set(now)
        with psycopg.connect(self.url, autocommit=True) as sql:
            sql.execute("SELECT pg_notify('scheduled_jobs', '')")

    def _started(self) -> Any:
        return self.start_scheduler(self.url, SCHEDULER_TICK_SECONDS="0.1")

    def _wait_until_up(self) -> None:
        for scheduler in self.schedulers:
            scheduler.wait_for("scheduler.started")

    def _kill_one_at_some_moment(self) -> None:
        victim = self.dice.randrange(len(self.schedulers))
        moment = threading.Timer(self.dice.uniform(0, 0.06), self.schedulers[victim].kill)
        moment.start()
        moment.join()
        self.schedulers[victim] = self._started()

    def _wait_until_nothing_is_due(self) -> None:
        now = self.clock.now()

        def is_done() -> bool:
            with self.database.begin() as conn:
                due = f"enabled AND next_run_at <= '{now.isoformat()}'"
                return rows.count(conn, "scheduled_jobs", due) == 0

        wait_until(
            is_done, timeout=DEADLINE_SECONDS, describe=lambda: self.schedulers[0].log.read_text()
        )

    def _finish_some_jobs(self) -> None:
        """Finish some jobs, so that later due times create jobs or merge into live jobs."""
        with self.database.begin() as conn:
            conn.exec_driver_sql(
                "UPDATE crawl_jobs SET status = 'succeeded', finished_at = visible_at "
                f"WHERE status = 'queued' AND mod(id, 3) <> {self.dice.randrange(3)}"
            )


@cache
def due_times(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """Return the due times that an independent implementation computes."""
    if not expression.startswith("@every"):
        return vixie.due_times(expression, zone, start, end)
    every = {"@every 47m": timedelta(minutes=47), "@every 1d2h": timedelta(hours=26)}[expression]
    return [start + n * every for n in range(1, (end - start) // every + 1)]


def make_schedules(database: Database, count: int, *, now: datetime) -> None:
    with database.begin() as conn:
        for n in range(count):
            policy, deadline = POLICIES[n % len(POLICIES)]
            rows.create(
                conn,
                f"s{n}",
                subreddit=f"sub{n % max(1, count * 3 // 4)}",  # some subreddits have two schedules
                cron_expression=EXPRESSIONS[n // len(POLICIES) % len(EXPRESSIONS)],
                timezone=ZONES[
                    (n + n // 4 + n // 40) % len(ZONES)
                ],  # each time zone occurs with each expression
                misfire_policy=policy,
                misfire_deadline_seconds=deadline,
                now=now,
            )


def check(url: str, *, start: datetime, end: datetime) -> int:
    """Check that the ledger has each due time once. Return the number of due times."""
    with psycopg.connect(url, row_factory=dict_row) as sql:
        schedules = sql.execute("SELECT * FROM scheduled_jobs ORDER BY id").fetchall()
        ledger: dict[int, list[dict[str, Any]]] = {schedule["id"]: [] for schedule in schedules}
        for run in sql.execute("SELECT * FROM scheduled_job_runs ORDER BY due_at"):
            ledger[run["scheduled_job_id"]].append(run)
        jobs = {row["id"] for row in sql.execute("SELECT id FROM crawl_jobs")}
    total = 0
    for schedule in schedules:
        due = due_times(schedule["cron_expression"], schedule["timezone"], start, end)
        allowed = ledger_oracle.late_allowed(
            schedule["misfire_policy"], schedule["misfire_deadline_seconds"]
        )
        ledger_oracle.check_ledger(ledger[schedule["id"]], due, allowed=allowed)
        assert schedule["enabled"]
        total += len(due)
    made = [
        run["job_id"] for runs in ledger.values() for run in runs if run["outcome"] == "enqueued"
    ]
    assert len(made) == len(set(made)), "a job was enqueued twice"
    assert set(made) == jobs, "every job is one that the ledger names"
    return total


def run_month(
    database: Database,
    url: str,
    start_scheduler: Start,
    *,
    start: datetime,
    length: timedelta,
    schedules: int,
    schedulers: int,
    seed: int,
) -> tuple[int, int]:
    """Run the schedulers for this length of time. Return the numbers of due times and of kills."""
    make_schedules(database, schedules, now=start)
    clock = VirtualClock(url, now=start)
    try:
        month = Month(database, url, start_scheduler, random.Random(seed), clock)
        killed = month.pass_until(start + length, schedulers=schedulers)
    finally:
        clock.close()
    return check(url, start=start, end=start + length), killed


def test_some_days_over_a_clock_change_leave_each_due_time_in_the_ledger_once(
    database: Database, database_url: str, start_scheduler: Start
) -> None:
    due, killed = run_month(
        database,
        database_url,
        start_scheduler,
        start=AUTUMN + timedelta(days=28),  # clocks go back in New York
        length=timedelta(days=3),
        schedules=40,
        schedulers=2,
        seed=5,
    )
    assert due > 1_000
    assert killed > 0


@pytest.mark.deep
@pytest.mark.parametrize("start", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_a_month_with_kill_9_at_random_leaves_each_due_time_in_the_ledger_once(
    database: Database, database_url: str, start_scheduler: Start, start: datetime
) -> None:
    due, killed = run_month(
        database,
        database_url,
        start_scheduler,
        start=start,
        length=timedelta(days=31),
        schedules=200,
        schedulers=3,
        seed=7,
    )
    assert due > 50_000
    assert killed > 10
