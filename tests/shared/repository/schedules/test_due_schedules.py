"""Due schedules are locked. Schedules are disabled and enabled with their subreddit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.actor import Actor
from crawljobs.repository.operations import audit_log
from crawljobs.repository.schedules import due_schedules, schedule_disabling
from support import schedule_rows as rows

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
ACTOR = Actor(name="system:worker")


def locked(conn: Connection, **options: Any) -> list[str]:
    options = {"at_most": 100, "now": NOON + HOUR, **options}
    found = due_schedules.lock_due_schedules(conn, **options)
    assert {one.now for one in found} <= {options["now"]}
    return [one.schedule.name for one in found]


def test_due_schedules_come_in_the_order_of_their_due_times(conn: Connection) -> None:
    made = {
        name: rows.make(conn, name, now=NOON, next_run_at=NOON + after)
        for name, after in (("b", HOUR - MOMENT), ("c", HOUR), ("a", timedelta()), ("d", 2 * HOUR))
    }
    rows.make(conn, "off", now=NOON, next_run_at=NOON, enabled=False)
    assert locked(conn) == ["a", "b", "c"]
    assert locked(conn, at_most=2) == ["a", "b"]
    assert locked(conn, passed_over=[made["a"].id, made["c"].id]) == ["b"]

    def seconds(*names: str) -> float | None:
        passed_over = [made[name].id for name in names]
        return due_schedules.seconds_until_next_due(conn, passed_over=passed_over, now=NOON)

    assert seconds() == 0
    assert seconds("a", "b") == 3600
    assert seconds("a", "b", "c") == 7200
    assert seconds(*made) is None


def test_a_schedule_is_disabled_once_and_its_reason_is_cut(conn: Connection) -> None:
    made = rows.create(conn, now=NOON)
    other = rows.create(conn, "other", now=NOON)
    reason = "x" * 499 + "yz"
    for expected in (True, False):
        disabled = due_schedules.disable_schedule(
            conn, schedule_id=made.id, reason=reason, now=NOON + HOUR
        )
        assert disabled is expected
    off = rows.reload(conn, made)
    assert (off.enabled, off.next_run_at) == (False, None)
    assert off.disabled_reason == "x" * 499 + "y"
    assert (off.version, off.updated_at) == (made.version + 1, NOON + HOUR)
    assert rows.reload(conn, other) == other


def audited(conn: Connection, schedule_id: int) -> list[tuple[str, Any, Any]]:
    of_it = audit_log.AuditFilter(resource_type="scheduled_job", resource_id=str(schedule_id))
    entries = audit_log.list_entries(conn, filters=of_it).entries
    return [(one.action, one.before, one.after) for one in entries]


def test_the_schedules_of_a_subreddit_are_disabled_and_enabled_with_it(conn: Connection) -> None:
    made = rows.create(conn, "ours", now=NOON)
    by_hand = rows.make(conn, "by hand", now=NOON)
    conn.execute(
        text("UPDATE scheduled_jobs SET enabled = false, next_run_at = NULL, "
             "disabled_reason = 'no cron' WHERE id = :id"), {"id": by_hand.id})  # fmt: skip
    by_hand = rows.reload(conn, by_hand)
    other = rows.create(conn, "other", subreddit="rust", now=NOON)
    reason = schedule_disabling.reason_of("Python", "not_found")
    assert reason == "r/Python is not found at Reddit"
    now = NOON + 2.5 * HOUR
    disabled = schedule_disabling.disable_schedules_of(
        conn, subreddit_id=made.subreddit_id, reason=reason, actor=ACTOR, now=now
    )
    assert disabled == 1
    off = rows.reload(conn, made)
    assert (off.enabled, off.disabled_reason) == (False, reason)
    assert [(run["due_at"], run["outcome"]) for run in rows.ledger(conn, made)] == [
        (NOON + HOUR, "missed"),
        (NOON + 2 * HOUR, "missed"),
    ]
    before = {"enabled": True, "disabled_reason": None}
    after = {"enabled": False, "disabled_reason": reason}
    assert audited(conn, made.id) == [("disable", before, after)]
    enabled = schedule_disabling.enable_schedules_of(
        conn, subreddit_id=made.subreddit_id, name="PYTHON", actor=ACTOR, now=now
    )
    assert enabled == 1
    on = rows.reload(conn, made)
    assert (on.enabled, on.disabled_reason, on.next_run_at) == (True, None, NOON + 3 * HOUR)
    assert audited(conn, made.id)[0] == ("enable", after, before)
    assert rows.reload(conn, by_hand) == by_hand
    assert rows.reload(conn, other) == other
    assert audited(conn, by_hand.id) == audited(conn, other.id) == []


def test_a_schedule_that_is_firing_is_not_disabled_with_its_subreddit(database: Database) -> None:
    with database.begin() as conn:
        firing, idle = (rows.create(conn, name) for name in ("firing", "idle"))
    with database.begin() as holder, database.begin() as conn:
        holder.execute(text("SELECT FROM scheduled_jobs WHERE name = 'firing' FOR UPDATE"))
        conn.execute(text("SET LOCAL lock_timeout = '2s'"))
        disabled = schedule_disabling.disable_schedules_of(
            conn, subreddit_id=idle.subreddit_id, reason="gone", actor=ACTOR
        )
        assert disabled == 1
        assert not rows.reload(conn, idle).enabled
        assert rows.reload(conn, firing).enabled


@pytest.mark.parametrize("offset", [0, 1])
def test_a_schedule_whose_due_time_is_this_moment_fires_now(conn: Connection, offset: int) -> None:
    rows.make(conn, now=NOON, next_run_at=NOON + HOUR + offset * MOMENT)
    assert locked(conn) == ([] if offset else ["s"])
