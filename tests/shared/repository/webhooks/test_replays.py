"""Replays of an endpoint: few deliveries at once, many in limited chunks that can be continued."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.operation import Operation, OperationState
from crawljobs.repository.operations import operation_ends, operation_rows
from crawljobs.repository.operations.operation_rows import OperationInProgress
from crawljobs.repository.webhooks import delivery_claim
from crawljobs.repository.webhooks.replays import (
    delivery_replay,
    overdue_replays,
    replay_operation,
    replay_selection,
)
from crawljobs.repository.webhooks.replays.replay_operation import Replay, ReplayRequest
from support import webhook_rows
from support.webhook_rows import add_endpoint

NOW = datetime(2031, 5, 17, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADA, WORKER = Actor("ada", request_id="r-1"), Actor("system:crawler-worker")
ALL = ("delivered", "dropped", "failed")


@pytest.fixture
def endpoint(conn: Connection) -> int:
    return add_endpoint(conn, "https://hooks.example/", created_at=NOW - 99 * HOUR)


def add(conn: Connection, endpoint: int, count: int = 1, **options: Any) -> list[int]:
    return webhook_rows.add_deliveries(conn, endpoint, count, **{"at": NOW - HOUR, **options})


def start(conn: Connection, endpoint: int, *, at_most: int = 1_000, **options: bool) -> Replay:
    given = {"only_failed": True, **options}
    request = ReplayRequest(endpoint, NOW - 2 * HOUR, actor=ADA, **given)
    return replay_operation.start(conn, request, at_most=at_most, now=NOW)


def replayed(conn: Connection) -> list[int]:
    """Return the ids of the replayed deliveries, in the order of their first attempts."""
    found = conn.execute(
        text("""
            SELECT id FROM webhook_deliveries WHERE kind = 'replay' AND state = 'pending'
            ORDER BY next_attempt_at
            """)
    )
    return [*found.scalars()]


def take(conn: Connection) -> Operation:
    found = operation_rows.take(conn, kinds=[replay_operation.KIND], now=NOW)
    assert found is not None
    return found


def test_few_deliveries_are_replayed_at_once(conn: Connection, endpoint: int) -> None:
    add(conn, endpoint, at=NOW - 3 * HOUR)
    mixed = add(conn, endpoint, 9, states=(*ALL, "pending", "held"))
    add(conn, endpoint, states=("failed",), kind="ping")
    other = add_endpoint(conn, "https://other.example/")
    add(conn, other, 3)
    failed = [mixed[number] for number in (1, 6)]
    ended = [mixed[number] for number in (0, 1, 4, 5, 6)]
    for options, expected in (
        ({"only_failed": True, "dry_run": True}, failed),
        ({"only_failed": False, "dry_run": True}, ended),
    ):
        counted = start(conn, endpoint, **options)
        assert (counted.deliveries, counted.more) == (len(expected), False)
        assert replayed(conn) == []
    assert start(conn, endpoint) == Replay(2)
    assert replayed(conn) == failed
    assert start(conn, endpoint, only_failed=False) == Replay(3)
    assert sorted(replayed(conn)) == ended
    assert start(conn, endpoint, only_failed=False) == Replay(0)


def test_single_replays_are_ten_a_second_too(conn: Connection, endpoint: int) -> None:
    ids = add(conn, endpoint, 6)
    (ping,) = add(conn, endpoint, kind="ping")
    start(conn, add_endpoint(conn, "https://other.example/"))
    for delivery_id in (*ids[:4], ping):
        assert delivery_replay.replay(conn, delivery_id=delivery_id, endpoint_id=endpoint, now=NOW)
    # A running replay does not delay the next one until the end of its lease.
    claimed = delivery_claim.claim(
        conn, shares={endpoint: 1}, per_endpoint=4, lease=timedelta(seconds=20), now=NOW
    )
    assert [each.id for each in claimed] == ids[:1]
    delivery_replay.replay(conn, delivery_id=ids[4], endpoint_id=endpoint, now=NOW)
    times = conn.execute(
        text("SELECT next_attempt_at FROM webhook_deliveries WHERE id = ANY (:ids) ORDER BY id"),
        {"ids": [*ids[1:5], ping]},
    ).scalars()
    waits = [round((at - NOW).total_seconds(), 3) for at in times]
    assert waits == [0.1, 0.2, 0.3, 0.4, 0.0]


def test_overdue_replays_are_planned_again(conn: Connection, endpoint: int) -> None:
    ids = add(conn, endpoint, 30)
    start(conn, endpoint)
    others = add(conn, endpoint, 3, states=("pending",))
    conn.execute(
        text("UPDATE webhook_deliveries SET next_attempt_at = :at WHERE id = ANY (:ids)"),
        {"at": NOW - HOUR, "ids": others},
    )
    later = NOW + timedelta(seconds=2.55)  # no scheduler has run since NOW
    claimed = delivery_claim.claim(
        conn, shares={endpoint: 4}, per_endpoint=4, lease=timedelta(seconds=20), now=later
    )
    assert {each.id for each in claimed} == {*others, ids[0]}
    assert overdue_replays.plan_again(conn, at_most=4, now=later) == 4
    assert overdue_replays.plan_again(conn, now=later) == 1, "others are late by less than 2 s"
    assert overdue_replays.plan_again(conn, now=later) == 0
    times = conn.execute(
        text("SELECT next_attempt_at FROM webhook_deliveries WHERE id = ANY (:ids) ORDER BY id"),
        {"ids": ids[1:6]},
    ).scalars()
    waits = [round((at - NOW).total_seconds(), 3) for at in times]
    assert waits == [3.0, 3.1, 3.2, 3.3, 3.4], "after the last planned replay"


def test_many_deliveries_are_replayed_in_chunks_that_continue(
    conn: Connection, endpoint: int
) -> None:
    old = add(conn, endpoint, 7, at=NOW - 3 * HOUR)
    ids = add(conn, endpoint, 30, states=ALL)
    began = start(conn, endpoint, at_most=9, only_failed=False)
    assert began.operation is not None
    assert (began.deliveries, began.operation.total) == (30, 30)
    assert replayed(conn) == [], "the request changes no delivery"
    for options in ({}, {"dry_run": True}, {"only_failed": False}):
        with pytest.raises(OperationInProgress):
            start(conn, endpoint, **options)
    add(conn, endpoint, 5)  # ended after the request
    done = []
    for _ in range(5):
        advanced = replay_operation.advance(conn, take(conn), actor=WORKER, at_most=8, now=NOW)
        done.append(advanced.deliveries)
        if advanced.ended is not None:
            break
    assert done == [1, 8, 8, 8, 5], "each chunk reads 8 deliveries at most"
    assert replayed(conn) == ids, "the oldest first"
    assert advanced.ended is not None
    ended = advanced.ended
    assert (ended.state, ended.done, ended.counts) == (
        OperationState.SUCCEEDED,
        30,
        {"replayed": 30},
    )
    due = conn.execute(
        text(
            "SELECT min(next_attempt_at), max(next_attempt_at) FROM webhook_deliveries"
            " WHERE kind = 'replay'"
        )
    ).one()
    assert due[1] - due[0] == timedelta(seconds=2.9)  # 10 a second over all chunks
    audited = conn.execute(text("SELECT action, after FROM admin_audit_log")).one()
    assert (audited.action, audited.after["deliveries"]) == ("operation_succeeded", 30)
    states = conn.execute(
        text("SELECT DISTINCT state FROM webhook_deliveries WHERE id = ANY (:ids)"), {"ids": old}
    )
    assert [*states.scalars()] == ["failed"]


def test_a_count_that_reaches_its_limit_is_no_reason_to_leave_deliveries_out(
    conn: Connection, endpoint: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = add(conn, endpoint, 20, at=NOW - 99 * HOUR)
    add(conn, endpoint, 10)
    options = {"endpoint_id": endpoint, "since": NOW - 2 * HOUR, "only_failed": True}
    for scan, deliveries, more in ((5, 5, True), (10, 10, True), (11, 10, False), (30, 10, False)):
        counted = replay_selection.count(conn, **options, scan=scan)  # type: ignore[arg-type]
        assert (counted.deliveries, counted.more) == (deliveries, more)
    monkeypatch.setattr(replay_selection.count, "__kwdefaults__", {"scan": 5})
    assert start(conn, endpoint).operation is not None
    advanced = replay_operation.advance(conn, take(conn), actor=WORKER, now=NOW)
    assert (advanced.deliveries, len(old)) == (10, 20)
    assert advanced.ended is not None


def test_the_replay_of_a_deleted_endpoint_ends(conn: Connection, endpoint: int) -> None:
    add(conn, endpoint, 3)
    start(conn, endpoint, at_most=1)
    conn.execute(text("DELETE FROM webhook_endpoints"))
    advanced = replay_operation.advance(conn, take(conn), actor=WORKER, now=NOW)
    assert advanced.ended is not None
    assert (advanced.ended.state, advanced.ended.done) == (OperationState.SUCCEEDED, 0)


def test_a_failed_replay_is_audited_with_its_deliveries(conn: Connection, endpoint: int) -> None:
    add(conn, endpoint, 3)
    operation = start(conn, endpoint, at_most=1).operation
    assert operation is not None
    for _ in range(5):
        failed = operation_ends.record_failure(
            conn, operation_id=operation.id, error="disk full", actor=WORKER, now=NOW
        )
    assert failed is not None
    audited = conn.execute(text("SELECT action, after FROM admin_audit_log")).one()
    assert (audited.action, audited.after["deliveries"]) == ("operation_failed", 0)
    assert start(conn, endpoint, at_most=1).operation is not None, "the same request continues"
