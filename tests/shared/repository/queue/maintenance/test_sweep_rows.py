"""Each sweep takes the rows that match, in its order, and skips rows that are locked.

The tests give each sweep rows that match, and rows that fail exactly one of its conditions.
"""

from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.repository.queue import parked_jobs
from support.jobs import T0
from support.mending_sweeps import MENDING_SWEEPS
from support.queue_sweeps import QUEUE_SWEEPS
from support.row_sweeps import ROW_SWEEPS
from support.sweep_cases import HOUR, Sweep, Values, job, jobs_sweep

ALL = 100  # more than the number of rows

_DEFAULTS: dict[str, Values] = {
    "idempotency_keys": {"scope": "s", "request_hash": b"x" * 32, "status": 200, "headers": "{}"},
    "scheduled_job_runs": {"due_at": T0, "outcome": "enqueued"},
    "posts": {"subreddit_id": "of the posts"},
    "discovery_evidence": {"found_in": "of the evidence"},
}

SWEEPS = {**QUEUE_SWEEPS, **ROW_SWEEPS, **MENDING_SWEEPS}

_NAMED_BY_SUBREDDIT = {"crawl_jobs": "subreddit_id", "queue_pauses": "scope"}


def subreddit(conn: Connection, name: str) -> int:
    """Return the id of a subreddit whose valid name is made from `name`."""
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
    """Insert the rows of a sweep. Return a condition that finds each row, by the row's key."""
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
    """The change affects one subreddit. The sweep after it finds no cause and frees the job."""
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
