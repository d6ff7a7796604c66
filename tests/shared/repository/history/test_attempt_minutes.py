"""The attempts to deliver webhooks become a row for each endpoint and minute, and for each hour."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.repository.history import attempt_minutes, hourly_rows
from scheduler.webhooks.upkeep import Upkeep
from support import plans, webhook_rows

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
AT = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)


def attempt(
    conn: Connection, endpoint: int, at: datetime, milliseconds: int, result: str = "succeeded"
) -> None:
    (delivery,) = webhook_rows.add_deliveries(conn, endpoint, at=at)
    conn.execute(
        text(
            "INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, result) "
            "VALUES (:delivery, 1, :at, :ms, :result)"
        ),
        {"delivery": delivery, "at": at, "ms": milliseconds, "result": result},
    )


def rows(conn: Connection, step: int = 1) -> list[Any]:
    query = text(
        "SELECT endpoint_id, at, minutes, attempts, attempts_failed, attempt_p50_ms, "
        "attempt_p95_ms FROM webhook_history WHERE step_minutes = :step ORDER BY at, endpoint_id"
    )
    return [tuple(row) for row in conn.execute(query, {"step": step})]


def test_each_endpoint_has_a_row_for_each_minute_with_attempts(conn: Connection) -> None:
    for number in range(5):
        attempt(conn, 1, AT + number * SECOND, 10 * (number + 1))
    attempt(conn, 1, AT + MINUTE, 7, "timeout")
    attempt(conn, 2, AT, 100, "http_error")
    attempt(conn, 1, AT - 5 * MINUTE, 1)  # too old
    attempt(conn, 1, AT + 2 * MINUTE, 1)  # the present minute
    expected = [(1, AT, 1, 5, 0, 30, 48), (2, AT, 1, 1, 1, 100, 100)]
    expected.append((1, AT + MINUTE, 1, 1, 1, 7, 7))
    for _ in range(2):  # a second run, also of another scheduler, writes the same
        assert attempt_minutes.record(conn, now=AT + 2 * MINUTE + SECOND) == 3
        assert rows(conn) == expected
    hourly_rows.roll_up(conn, at=AT + 68 * MINUTE)
    assert rows(conn, step=60) == []  # the schedulers may still write the last minutes
    hourly_rows.roll_up(conn, at=AT + 69 * MINUTE)
    weighted = (5 * 30 + 7) / 6
    assert rows(conn, step=60) == [
        (1, AT, 2, 6, 1, weighted, 48),
        (2, AT, 1, 1, 1, 100, 100),
    ]


def test_the_deliverer_records_the_last_minutes(database: Database) -> None:
    with database.begin() as conn:
        now = conn.execute(text("SELECT now()")).scalar_one()
        attempt(conn, 1, now - 2 * MINUTE, 5)
        attempt(conn, 1, now - 2 * MINUTE, 6, "interrupted")
    Upkeep(database).run(interrupted=False)
    with database.begin() as conn:
        (row,) = rows(conn)
    assert row[3:] == (2, 1, 5.5, 5.95)


def test_the_attempts_of_a_minute_are_found_by_an_index(conn: Connection) -> None:
    webhook_rows.add_deliveries(conn, 1, 6000, at=AT)
    conn.execute(
        text(
            "INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, result) "
            "SELECT id, 1, :at - id * interval '1 minute', 1, 'succeeded' FROM webhook_deliveries"
        ),
        {"at": AT},
    )
    plan = plans.generic_plan(conn, attempt_minutes.RECORD, {"now": AT})
    assert plans.tables_scanned(plan) == []
