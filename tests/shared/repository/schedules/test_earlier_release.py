"""The statements of the previous release neither fire, disable nor move a schedule with steps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from crawljobs.db.database import Connection
from support import schedule_rows as rows

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATE = {"now": NOON + 48 * HOUR}

# The texts are those of the release before schedules with steps.
LOCK_DUE = """
    SELECT scheduled_jobs.id FROM scheduled_jobs
        LEFT OUTER JOIN subreddits ON subreddits.id = scheduled_jobs.subreddit_id
    WHERE scheduled_jobs.enabled
        AND scheduled_jobs.next_run_at <= (SELECT CAST(:now AS timestamptz))
        AND scheduled_jobs.id != ALL ('{}')
    ORDER BY scheduled_jobs.next_run_at LIMIT 100 FOR UPDATE OF scheduled_jobs SKIP LOCKED
"""
SECONDS_UNTIL_NEXT_DUE = """
    SELECT CAST(EXTRACT(epoch FROM
        least(greatest(next.next_run_at, clock.now), clock.now + interval '1 day') - clock.now
    ) AS double precision)
    FROM (SELECT CAST(:now AS timestamptz) AS now) AS clock JOIN (
        SELECT next_run_at FROM scheduled_jobs WHERE enabled AND id != ALL ('{}')
        ORDER BY next_run_at LIMIT 1
    ) AS next ON true
"""
OF_SUBREDDIT = "SELECT id FROM scheduled_jobs WHERE subreddit_id = 1 AND enabled FOR UPDATE"
MEND = "UPDATE scheduled_jobs SET next_run_at = :now, last_run_at = :now, updated_at = :now"
PATCH = "UPDATE scheduled_jobs SET subreddit_id = NULL, priority = 1, next_run_at = :now"
DISABLE = "UPDATE scheduled_jobs SET enabled = false, next_run_at = NULL, disabled_reason = 'x'"


def test_an_earlier_scheduler_sees_no_due_time(conn: Connection) -> None:
    made = rows.create_with_steps(conn, steps=[("a",), ("b", "a")], now=NOON)
    assert conn.execute(text(LOCK_DUE), LATE).all() == []
    assert conn.execute(text(OF_SUBREDDIT)).all() == []
    # It sleeps as long as usual, so it does not read the database in a busy loop.
    assert conn.execute(text(SECONDS_UNTIL_NEXT_DUE), LATE).scalar_one() == 86_400
    plain = rows.create(conn, "plain", now=NOON)
    assert [row.id for row in conn.execute(text(LOCK_DUE), LATE)] == [plain.id]
    assert rows.reload(conn, made) == made


@pytest.mark.parametrize("change", [MEND, PATCH])
def test_the_database_refuses_a_due_time_of_an_earlier_release(
    conn: Connection, change: str
) -> None:
    made = rows.create_with_steps(conn, steps=[("a",)], now=NOON)
    with pytest.raises(IntegrityError, match="steps_next_run_check"), conn.begin_nested():
        conn.execute(text(change), LATE)
    assert rows.reload(conn, made) == made


def test_an_earlier_release_can_disable_a_schedule_with_steps(conn: Connection) -> None:
    made = rows.create_with_steps(conn, steps=[("a",)], now=NOON)
    conn.execute(text(DISABLE))
    after = rows.reload(conn, made)
    assert (after.enabled, after.next_run_at) == (False, None)


WRONG: list[dict[str, Any]] = [
    {"subreddit_id": "1", "steps": "'[]'"},
    {"subreddit_id": "NULL", "steps": "NULL"},
    {"subreddit_id": "NULL", "steps": "'{}'"},
]


@pytest.mark.parametrize("columns", WRONG)
def test_a_schedule_has_either_a_subreddit_or_steps(
    conn: Connection, columns: dict[str, str]
) -> None:
    rows.create(conn, now=NOON)
    changes = ", ".join(f"{name} = {value}" for name, value in columns.items())
    with pytest.raises(IntegrityError, match=r"steps.*_check"), conn.begin_nested():
        conn.execute(text(f"UPDATE scheduled_jobs SET {changes}"))
