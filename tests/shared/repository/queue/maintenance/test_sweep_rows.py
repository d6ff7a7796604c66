"""Which rows each sweep takes: in its order, past locked ones, and none that lacks one condition.

Each sweep has rows that it takes, and rows that differ from them in one condition alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.content import discovery_candidates, refreshes, revisits
from crawljobs.repository.operations import record_pruning
from crawljobs.repository.queue import parked_jobs
from crawljobs.repository.queue.maintenance import (
    clock_setbacks,
    job_aging,
    job_maintenance,
    job_pruning,
    pause_parking,
)
from crawljobs.repository.schedules import ledger_pruning, schedule_setbacks
from support.jobs import T0

ALL = 100  # more than there are
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RETRY = RetryPolicy(base_seconds=60, max_hours=24, jitter=0.0)
AGING = AgingPolicy(after=HOUR, every=5 * MINUTE, step=10)
Values = dict[str, Any]
Rows = dict[str, Values]


def job(status: str = "queued", **values: Any) -> Values:
    """A row of crawl_jobs that was made and became visible an hour ago."""
    made = {
        "status": status,
        "wait_reason": "later" if status == "waiting" else None,
        "priority": 10,
        "base_priority": 10,
        "source": "user",
        "created_at": T0 - HOUR,
        "queued_at": T0 - HOUR,
        "visible_at": T0 - HOUR,
        "finished_at": T0 - HOUR if status in ("succeeded", "failed", "cancelled") else None,
    }
    if status == "crawling":
        made |= {
            "claim_token": "00000000-0000-0000-0000-000000000001",
            "claimed_by": "worker-1",
            "claimed_at": T0 - MINUTE,
            "lease_expires_at": T0 + MINUTE,
            "progress_at": T0 - MINUTE,
        }
    return {**made, **values}


@dataclass(frozen=True)
class Sweep:
    """`taken`: by their keys, in the order of the sweep when it has one."""

    table: str
    run: Callable[[Connection, int], object]
    taken: Rows
    left: Rows
    has_order: bool = True
    key: str = "name"
    beside: tuple[tuple[str, Values], ...] = ()  # rows of other tables
    becomes: Rows = field(default_factory=dict)  # columns of rows that it took, by their keys


def jobs_sweep(
    run: Callable[[Connection, int], object],
    taken: Rows,
    left: Rows,
    *,
    paused: Values | None = None,
    **more: Any,
) -> Sweep:
    """`paused`: subreddits that have a pause, and its end."""
    pauses = tuple(
        ("queue_pauses", {"scope": name, "reason": "x", "paused_by": "y", "until": until})
        for name, until in (paused or {}).items()
    )
    return Sweep("crawl_jobs", run, taken, left, beside=pauses, **more)


def instances(ages: dict[str, timedelta]) -> Rows:
    return {
        name: {
            "role": "scheduler",
            "version": "1",
            "started_at": T0,
            "seen_at": T0 + age,
            "details": "{}",
        }
        for name, age in ages.items()
    }


def pauses(untils: dict[str, datetime | None]) -> Rows:
    return {
        name: {"reason": "x", "paused_by": "y", "until": until} for name, until in untils.items()
    }


def mending(what: str) -> Callable[[Connection, int], object]:
    def run(conn: Connection, at_most: int) -> object:
        return clock_setbacks.mend(conn, what=what, retry=RETRY, at_most=at_most, now=T0)

    return run


def of(function: Callable[..., object], **options: Any) -> Callable[[Connection, int], object]:
    return lambda conn, at_most: function(conn, at_most=at_most, now=T0, **options)


def schedule(**values: Any) -> Values:
    return {
        "subreddit_id": "of the schedule",
        "cron_expression": "@hourly",
        "next_run_at": T0 + HOUR,
        "last_run_at": T0 + 3 * MINUTE,
        "updated_at": T0 - DAY,
        "created_at": T0 - DAY,
        "anchor_at": T0 - DAY,
        **values,
    }


SWEEPS: dict[str, Sweep] = {
    "requeue": jobs_sweep(
        of(job_maintenance.requeue_due_jobs),
        {
            "a": job("waiting", visible_at=T0 - 3 * MINUTE),
            "b": job("waiting", visible_at=T0 - 2 * MINUTE, wait_reason="retry"),
            "c": job("waiting", visible_at=T0),
        },
        {
            "early": job("waiting", visible_at=T0 + SECOND),
            "paused": job("waiting"),
            "queued": job(),
            "crawling": job("crawling"),
            "blocked": job("blocked"),
            "over": job("failed"),
        },
        paused={"paused": None},
        becomes={
            "a": {"status": "queued", "wait_reason": None},
            "c": {"status": "queued", "wait_reason": None, "visible_at": T0},
        },
    ),
    "rescue": jobs_sweep(
        of(
            job_maintenance.rescue_stuck_jobs,
            lease_seconds=30.0,
            reset_after=15 * MINUTE,
            retry=RETRY,
        ),
        {
            "a": job("crawling", lease_expires_at=T0 - SECOND),
            "b": job("crawling", progress_at=T0 - 15 * MINUTE - SECOND),
            "c": job("crawling", lease_expires_at=T0 - HOUR),
        },
        {
            "at its end": job("crawling", lease_expires_at=T0),
            "slow": job("crawling", progress_at=T0 - 15 * MINUTE),
            "untouched": job("crawling", progress_at=None),
            "queued": job(),
        },
    ),
    "age": jobs_sweep(
        of(job_aging.age_starved_jobs, policy=AGING),
        {
            "a": job(queued_at=T0 - 4 * HOUR),
            "b": job(queued_at=T0 - 3 * HOUR),
            "c": job(queued_at=T0 - HOUR - SECOND),
        },
        {
            "in time": job(queued_at=T0 - HOUR),
            "at its ceiling": job(queued_at=T0 - 4 * HOUR, priority_ceiling=10),
            "aged": job(queued_at=T0 - HOUR - SECOND, priority=20),
            "waiting": job("waiting", queued_at=T0 - 4 * HOUR),
            "crawling": job("crawling", queued_at=T0 - 4 * HOUR),
        },
    ),
    "park": jobs_sweep(
        of(pause_parking.park_paused_jobs),
        {"a": job(), "b": job("waiting", visible_at=T0), "c": job("waiting", wait_reason="retry")},
        {
            "early": job("waiting", visible_at=T0 + SECOND),
            "crawling": job("crawling"),
            "over": job("succeeded"),
            "pause is over": job(),
            "not paused": job(),
        },
        paused={
            **dict.fromkeys(("a", "early", "crawling", "over")),
            "b": T0 + SECOND,
            "c": T0 + HOUR,
            "pause is over": T0,
        },
        has_order=False,
        becomes={
            "a": {"status": "waiting", "wait_reason": "paused", "visible_at": T0 + MINUTE},
            "b": {"wait_reason": "paused", "visible_at": T0 + SECOND},
            "c": {"wait_reason": "paused", "visible_at": T0 + MINUTE},
        },
    ),
    "settle": jobs_sweep(
        of(parked_jobs.settle_parked_jobs),
        {
            "a": job("waiting", wait_reason="paused", visible_at=T0 + 50 * SECOND),
            "b": job("waiting", wait_reason="politeness", visible_at=T0 + 40 * SECOND),
            "c": job("waiting", wait_reason="paused", visible_at=T0 + 30 * SECOND),
        },
        {
            "paused": job("waiting", wait_reason="paused", visible_at=T0 + 20 * SECOND),
            "due": job("waiting", wait_reason="paused", visible_at=T0),
            "later": job("waiting", visible_at=T0 + 20 * SECOND),
            "retry": job("waiting", wait_reason="retry", visible_at=T0 + 20 * SECOND),
            "outage": job("waiting", wait_reason="outage", visible_at=T0 + 20 * SECOND),
        },
        paused={"paused": None, "c": T0},
        becomes={"a": {"status": "queued", "wait_reason": None, "visible_at": T0}},
    ),
    "free from Reddit": jobs_sweep(
        of(parked_jobs.free_from_reddit),
        {
            "a": job("waiting", wait_reason="outage", visible_at=T0 + SECOND),
            "b": job("waiting", wait_reason="rate_limit", visible_at=T0 + MINUTE),
            "c": job("waiting", wait_reason="rate_limit", visible_at=T0 + HOUR),
        },
        {
            "paused": job("waiting", wait_reason="paused"),
            "politeness": job("waiting", wait_reason="politeness"),
            "retry": job("waiting", wait_reason="retry"),
            "later": job("waiting", wait_reason="later"),
            "queued": job(),
        },
        becomes={"c": {"status": "queued", "wait_reason": None, "visible_at": T0}},
    ),
    "forget ended pauses": Sweep(
        "queue_pauses",
        lambda conn, _: pause_parking.park_paused_jobs(conn, now=T0),
        pauses({"a": T0 - HOUR, "b": T0 - 2 * HOUR, "c": T0 - DAY}),
        pauses({"late": T0 - HOUR + SECOND, "open": None, "to come": T0 + HOUR}),
        has_order=False,
        key="scope",
    ),
    "take what is due": Sweep(
        "subreddits",
        of(revisits.take_due),
        {
            "aa": {"next_crawl_at": T0 - 2 * HOUR},
            "bb": {"next_crawl_at": T0 - HOUR},
            "cc": {"next_crawl_at": T0},
        },
        {
            "early": {"next_crawl_at": T0 + SECOND},
            "never": {"next_crawl_at": None},
            **{f"has_{status}": {"next_crawl_at": T0 - HOUR}
               for status in ("blocked", "waiting", "queued", "crawling")},
        },
        beside=tuple(
            ("crawl_jobs", {"subreddit_id": f"has_{status}", **job(status)})
            for status in ("blocked", "waiting", "queued", "crawling")
        ),
        becomes={"aa": {"next_crawl_at": T0 + DAY}},
    ),
    "settle refreshed posts": Sweep(
        "posts",
        lambda conn, _: refreshes.settle(conn, names=["t3_a", "t3_b", "t3_c", "t1_left"], now=T0),
        {key: {"created_at": T0 - 2 * DAY, "refresh_due_at": T0} for key in ("a", "b", "c")},
        {"left": {"created_at": T0 - 2 * DAY, "refresh_due_at": T0}},
        has_order=False,
        key="id",
        becomes={"a": {"refresh_due_at": T0 + 5 * DAY}},
    ),
    "prune processes": Sweep(
        "service_instances",
        of(record_pruning.prune_instances, retention=DAY),
        instances({"a": -3 * DAY, "b": -2 * DAY, "c": -DAY - SECOND}),
        instances({"young": -DAY, "here": timedelta()}),
    ),
    "prune keys": Sweep(
        "idempotency_keys",
        of(record_pruning.prune_keys, retention=DAY),
        {"a": {"created_at": T0 - 3 * DAY}, "b": {"created_at": T0 - 2 * DAY},
         "c": {"created_at": T0 - DAY - SECOND}},
        {"young": {"created_at": T0 - DAY}},
        key="key",
    ),
    "prune the ledger": Sweep(
        "scheduled_job_runs",
        of(ledger_pruning.prune_runs, retention=DAY),
        {"1": {"fired_at": T0 - 3 * DAY}, "2": {"fired_at": T0 - 2 * DAY},
         "3": {"fired_at": T0 - DAY - SECOND}},
        {"4": {"fired_at": T0 - DAY}},
        key="scheduled_job_id",
    ),
    "prune jobs": jobs_sweep(
        of(job_pruning.prune_finished_jobs, retention=DAY),
        {
            "a": job("cancelled", finished_at=T0 - 3 * DAY),
            "b": job("failed", finished_at=T0 - 4 * DAY),
            "c": job("succeeded", finished_at=T0 - DAY - SECOND),
        },
        {
            "young": job("succeeded", finished_at=T0 - DAY),
            "queued": job(created_at=T0 - 9 * DAY, queued_at=T0 - 9 * DAY),
            "waiting": job("waiting", created_at=T0 - 9 * DAY),
        },
    ),
    "prune jobs of one status": jobs_sweep(
        of(job_pruning.prune_finished_jobs, retention=DAY),
        {
            "a": job("failed", finished_at=T0 - 3 * DAY),
            "b": job("failed", finished_at=T0 - 2 * DAY),
            "c": job("failed", finished_at=T0 - DAY - SECOND),
        },
        {"young": job("failed", finished_at=T0 - DAY)},
    ),
    "forget evidence": Sweep(
        "discovery_evidence",
        of(discovery_candidates.forget_evidence),
        {"aa": {"last_at": T0 - 120 * DAY}, "bb": {"last_at": T0 - 100 * DAY},
         "cc": {"last_at": T0 - 90 * DAY - SECOND}},
        {"young": {"last_at": T0 - 90 * DAY}},
    ),
    "mend backoffs": jobs_sweep(
        mending("backoffs"),
        {
            "a": job("waiting", wait_reason="retry", visible_at=T0 + 9 * DAY),
            "b": job("waiting", wait_reason="retry", visible_at=T0 + HOUR),
            "c": job("waiting", wait_reason="retry", visible_at=T0 + 2 * MINUTE + SECOND),
        },
        {
            "in time": job("waiting", wait_reason="retry", visible_at=T0 + 2 * MINUTE),
            "third": job("waiting", wait_reason="retry", retry_count=3,
                         visible_at=T0 + 5 * MINUTE),
            "later": job("waiting", visible_at=T0 + 9 * DAY),
            "paused": job("waiting", wait_reason="paused", visible_at=T0 + 9 * DAY),
            "queued": job(visible_at=T0 + 9 * DAY),
        },
        becomes={"a": {"visible_at": T0 + MINUTE, "status": "waiting"}},
    ),
    "mend what is queued": jobs_sweep(
        mending("queued"),
        {
            "a": job(queued_at=T0 + MINUTE + SECOND),
            "b": job(queued_at=T0 + HOUR),
            "c": job(queued_at=T0 + DAY),
        },
        {
            "in time": job(queued_at=T0 + MINUTE),
            "waiting": job("waiting", queued_at=T0 + DAY),
            "crawling": job("crawling", queued_at=T0 + DAY),
        },
        becomes={"a": {"queued_at": T0, "created_at": T0 - HOUR}},
    ),
    "mend leases": jobs_sweep(
        mending("leases"),
        {
            "a": job("crawling", progress_at=T0 + DAY, lease_expires_at=T0 + 2 * DAY),
            "b": job("crawling", progress_at=T0 + MINUTE + SECOND),
            "c": job("crawling", progress_at=T0 + HOUR),
        },
        {"in time": job("crawling", progress_at=T0 + MINUTE), "queued": job()},
        becomes={
            "a": {"progress_at": T0, "lease_expires_at": T0 + DAY},
            "b": {"progress_at": T0, "lease_expires_at": T0 + MINUTE},
        },
    ),
    "mend last crawls": Sweep(
        "subreddits",
        mending("last_crawled_at"),
        {"aa": {"last_crawled_at": T0 + DAY}, "bb": {"last_crawled_at": T0 + HOUR},
         "cc": {"last_crawled_at": T0 + MINUTE + SECOND}},
        {"in_time": {"last_crawled_at": T0 + MINUTE}, "never": {"last_crawled_at": None}},
        becomes={"cc": {"last_crawled_at": T0}},
    ),
    "mend next looks": Sweep(
        "subreddits",
        mending("next_crawl_at"),
        {"aa": {"next_crawl_at": T0 + 300 * DAY}, "bb": {"next_crawl_at": T0 + 200 * DAY},
         "cc": {"next_crawl_at": T0 + 90 * DAY + MINUTE + SECOND}},
        {"in_time": {"next_crawl_at": T0 + 90 * DAY + MINUTE}, "never": {"next_crawl_at": None}},
    ),
    "mend processes": Sweep(
        "service_instances",
        mending("service_instances"),
        instances({"a": DAY, "b": HOUR, "c": MINUTE + SECOND}),
        instances({"in time": MINUTE}),
        becomes={"c": {"seen_at": T0}},
    ),
    "mend schedules": Sweep(
        "scheduled_jobs",
        of(schedule_setbacks.mend_next_runs),
        {
            "a": schedule(next_run_at=T0 + 2 * DAY),
            "b": schedule(next_run_at=T0 + DAY, last_run_at=None, updated_at=T0 + HOUR),
            "c": schedule(next_run_at=T0 + SECOND, last_run_at=T0 + MINUTE + SECOND),
        },
        {
            "fired in time": schedule(last_run_at=T0 + MINUTE, updated_at=T0 + MINUTE),
            "due": schedule(next_run_at=T0),
            "disabled": schedule(enabled=False),
        },
        becomes={
            "a": {"next_run_at": T0 + HOUR, "last_run_at": T0, "updated_at": T0 - DAY},
            "b": {"last_run_at": None, "updated_at": T0},
            "c": {"next_run_at": T0 + SECOND, "last_run_at": T0},
        },
    ),
}  # fmt: skip

_DEFAULTS: dict[str, Values] = {
    "idempotency_keys": {"scope": "s", "request_hash": b"x" * 32, "status": 200, "headers": "{}"},
    "scheduled_job_runs": {"due_at": T0, "outcome": "enqueued"},
    "posts": {"subreddit_id": "of the posts"},
    "discovery_evidence": {"found_in": "of the evidence"},
}
_NAMED_BY_SUBREDDIT = {"crawl_jobs": "subreddit_id", "queue_pauses": "scope"}


def subreddit(conn: Connection, name: str) -> int:
    """The id of a subreddit with a name that the table takes."""
    proper = name.replace(" ", "_") if len(name) > 1 else name * 2
    return int(
        conn.execute(
            text(
                "INSERT INTO subreddits (name) VALUES (:name) ON CONFLICT (lower(name)) "
                "DO UPDATE SET name = excluded.name RETURNING id"
            ),
            {"name": proper},
        ).scalar_one()
    )


def insert(conn: Connection, table: str, values: Values) -> None:
    given = {**_DEFAULTS.get(table, {}), **values}
    for column in ("subreddit_id", "found_in", "scope"):
        if isinstance(given.get(column), str) and table != "idempotency_keys":
            given[column] = subreddit(conn, given[column])
    columns = ", ".join(given)
    marks = ", ".join(
        f"CAST(:{name} AS jsonb)" if name in ("details", "headers") else f":{name}"
        for name in given
    )
    conn.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), given)


def fill(conn: Connection, sweep: Sweep) -> dict[str, str]:
    """Insert the rows; the condition that finds each, by its key."""
    found = {}
    for key, values in {**sweep.left, **sweep.taken}.items():
        column = _NAMED_BY_SUBREDDIT.get(sweep.table, sweep.key)
        is_id = column in ("subreddit_id", "scope") and sweep.table in _NAMED_BY_SUBREDDIT
        value: Any = subreddit(conn, key) if is_id else key
        insert(conn, sweep.table, {column: value, **values})
        found[key] = f"{column} = '{value}'"
    for table, values in sweep.beside:
        insert(conn, table, values)
    return found


def snapshot(conn: Connection, sweep: Sweep, rows: dict[str, str]) -> dict[str, object]:
    return {
        key: conn.execute(
            text(f"SELECT CAST(t AS text) FROM {sweep.table} AS t WHERE {condition}")
        ).scalar()
        for key, condition in rows.items()
    }


def changed(before: dict[str, object], after: dict[str, object]) -> set[str]:
    return {key for key in before if before[key] != after[key]}


@pytest.fixture(params=SWEEPS)
def sweep(request: pytest.FixtureRequest) -> Sweep:
    return SWEEPS[request.param]


def test_a_sweep_takes_the_first_row_and_then_all_that_have_each_condition(
    conn: Connection, sweep: Sweep
) -> None:
    rows = fill(conn, sweep)
    before = snapshot(conn, sweep, rows)
    sweep.run(conn, 1)
    if sweep.has_order:
        (first, *_) = sweep.taken
        assert changed(before, snapshot(conn, sweep, rows)) == {first}
        sweep.run(conn, 1)
        (first, second, *_) = sweep.taken
        assert changed(before, snapshot(conn, sweep, rows)) == {first, second}
    sweep.run(conn, ALL)
    assert changed(before, snapshot(conn, sweep, rows)) == sweep.taken.keys()
    for key, values in sweep.becomes.items():
        columns = ", ".join(values)
        found = conn.execute(text(f"SELECT {columns} FROM {sweep.table} WHERE {rows[key]}")).one()
        assert dict(found._mapping) == values, key


def test_a_sweep_passes_a_row_that_another_transaction_holds(
    database: Database, sweep: Sweep
) -> None:
    with database.begin() as conn:
        rows = fill(conn, sweep)
        before = snapshot(conn, sweep, rows)
    with database.begin() as holder:
        second = list(sweep.taken)[1]
        holder.execute(text(f"SELECT FROM {sweep.table} WHERE {rows[second]} FOR UPDATE"))
        with database.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            sweep.run(conn, ALL)
            after = snapshot(conn, sweep, rows)
    assert changed(before, after) == sweep.taken.keys() - {second}


def test_a_pause_that_another_transaction_changes_parks_nothing(database: Database) -> None:
    sweep = SWEEPS["park"]
    with database.begin() as conn:
        rows = fill(conn, sweep)
        before = snapshot(conn, sweep, rows)
    with database.begin() as holder:
        holder.execute(text("SELECT FROM queue_pauses WHERE until = :until FOR UPDATE"),
                       {"until": T0 + HOUR})  # fmt: skip
        with database.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            sweep.run(conn, ALL)
            assert changed(before, snapshot(conn, sweep, rows)) == {"a", "b"}


def test_a_new_gap_looks_at_the_job_that_waits_for_politeness_alone(conn: Connection) -> None:
    """Of one subreddit; the sweep after it finds that nothing is in force, and frees the job."""
    sweep = jobs_sweep(
        lambda conn, _: parked_jobs.settle_polite_job_of(
            conn, subreddit_id=subreddit(conn, "a"), now=T0
        ),
        {
            "a": job(
                "waiting", wait_reason="politeness", visible_at=T0 + HOUR, error_kind="deferred"
            )
        },
        {"b": job("waiting", wait_reason="politeness", visible_at=T0 + HOUR)},
    )
    rows = fill(conn, sweep)
    before = snapshot(conn, sweep, rows)
    sweep.run(conn, ALL)
    assert changed(before, snapshot(conn, sweep, rows)) == {"a"}


@pytest.mark.parametrize("other", [{"status": "queued"}, {"status": "waiting"}])
def test_a_new_gap_leaves_a_job_that_does_not_wait_for_politeness(
    conn: Connection, other: Values
) -> None:
    row = job(**other)
    sweep = jobs_sweep(
        lambda conn, _: parked_jobs.settle_polite_job_of(
            conn, subreddit_id=subreddit(conn, "a"), now=T0
        ),
        {},
        {"a": row},
    )
    rows = fill(conn, sweep)
    before = snapshot(conn, sweep, rows)
    sweep.run(conn, ALL)
    assert changed(before, snapshot(conn, sweep, rows)) == set()
