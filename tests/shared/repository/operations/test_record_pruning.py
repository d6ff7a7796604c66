"""Pruned responses, records of processes and operations: which, in which order, how many."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.repository.operations import record_pruning
from crawljobs.repository.operations.record_pruning import Records
from support.jobs import T0

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Kind:
    table: str
    key: str
    insert: str
    records: Records


KINDS = {
    "keys": Kind(
        "idempotency_keys",
        "key",
        "INSERT INTO idempotency_keys (scope, key, request_hash, status, headers, created_at) "
        "SELECT 'jobs', name, decode(repeat('00', 32), 'hex'), 200, '{}', at",
        Records.KEYS,
    ),
    "instances": Kind(
        "service_instances",
        "name",
        "INSERT INTO service_instances (name, role, version, details, seen_at) "
        "SELECT name, 'scheduler', '1', '{}', at",
        Records.INSTANCES,
    ),
    "operations": Kind(
        "operations",
        "resource_type",
        "INSERT INTO operations (kind, resource_type, resource_id, created_by, total, state, "
        "finished_at) SELECT 'cancel_group', name, 1, 'test', 1, 'succeeded', at",
        Records.OPERATIONS,
    ),
    "scores": Kind(
        "post_scores",
        "post_id",
        "INSERT INTO post_scores (post_id, seen_at, score) SELECT name, at, 1",
        Records.SCORES,
    ),
    "minutes": Kind(
        "budget_history",
        "client_id",
        "INSERT INTO budget_history (client_id, step_minutes, at) SELECT name, 1, at",
        Records.BUDGET_MINUTES,
    ),
}
AGES = {"a": HOUR + SECOND, "b": 9 * HOUR, "c": 5 * HOUR, "d": HOUR, "e": 0 * HOUR}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def fill(conn: Connection, kind: Kind) -> None:
    conn.execute(
        text(f"{kind.insert} FROM unnest(CAST(:names AS text[]), CAST(:times AS timestamptz[])) "
             "AS row (name, at)"),
        {"names": list(AGES), "times": [T0 - age for age in AGES.values()]},
    )  # fmt: skip


def prune(conn: Connection, kind: Kind, **limits: Any) -> tuple[int, str]:
    """Return how many rows the statement says that it deleted, and the names that are left."""
    deleted = record_pruning.prune(conn, records=kind.records, retention=HOUR, now=T0, **limits)
    left = conn.execute(text(f"SELECT {kind.key} FROM {kind.table} ORDER BY 1")).scalars()
    return deleted, "".join(left)


def test_rows_older_than_the_retention_are_deleted(conn: Connection, kind: Kind) -> None:
    fill(conn, kind)
    assert prune(conn, kind) == (3, "de")
    assert prune(conn, kind) == (0, "de")


def test_the_oldest_rows_are_deleted_first(conn: Connection, kind: Kind) -> None:
    fill(conn, kind)
    assert prune(conn, kind, at_most=1, skip=1) == (1, "abde")
    assert prune(conn, kind, at_most=1) == (1, "ade")


def test_a_row_that_another_transaction_has_locked_stays(database: Database, kind: Kind) -> None:
    with database.begin() as conn:
        fill(conn, kind)
    with database.begin() as holder:
        holder.execute(text(f"SELECT FROM {kind.table} WHERE {kind.key} = 'b' FOR UPDATE"))
        with database.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            assert prune(conn, kind) == (2, "bde")
    with database.begin() as conn:
        assert prune(conn, kind) == (1, "de")


def test_a_chunk_has_a_thousand_rows(conn: Connection, kind: Kind) -> None:
    conn.execute(
        text(f"{kind.insert} FROM (SELECT 'n' || n AS name, CAST(:now AS timestamptz) "
             "- interval '1 day' AS at FROM generate_series(1, 1001) AS n) AS row"),
        {"now": T0},
    )  # fmt: skip
    assert prune(conn, kind)[0] == 1_000
    assert prune(conn, kind)[0] == 1
