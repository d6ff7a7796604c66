"""A due schedule with steps creates one group, and waits for the end of its last group."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.group import StepState
from crawljobs.domain.schedule import MisfirePolicy, RunOutcome, Schedule
from crawljobs.repository import scheduler_hint
from crawljobs.repository.groups import group_progress, group_reads
from crawljobs.repository.schedules import due_schedules, schedule_setbacks
from scheduler import group_firing, schedule_firing
from scheduler.firing_results import Disabled, Fired
from support import groups
from support import schedule_rows as rows

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MAP = (("a",), ("b", "a"), ("c", "a", "b"))


def make(conn: Connection, *steps: Any, name: str = "map", **more: Any) -> Schedule:
    return rows.create_with_steps(conn, name, steps=steps or MAP, now=NOON, **more)


def fire(conn: Connection, now: datetime) -> list[Any]:
    assert schedule_firing.fire_due_schedules(conn, at_most=100, now=now) == []
    return group_firing.fire_due_groups(conn, at_most=100, now=now)


def ledger(conn: Connection) -> list[tuple[float, str, int | None]]:
    found = conn.execute(
        text("SELECT due_at, outcome, group_id, job_id FROM scheduled_job_runs ORDER BY due_at")
    ).all()
    assert {row.job_id for row in found} <= {None}
    return [((row.due_at - NOON) / HOUR, row.outcome, row.group_id) for row in found]


def end(conn: Connection, group_id: int, now: datetime) -> None:
    """Let all open steps of the group end, as a cancel of the group does."""
    group_progress.lock(conn, [group_id])
    conn.execute(
        text("UPDATE group_steps SET state = 'skipped' WHERE group_id = :id"), {"id": group_id}
    )
    counts = ", ".join(f"{state} = 0" for state in StepState if state != "skipped")
    conn.execute(
        text(f"UPDATE job_groups SET {counts}, skipped = 3 WHERE id = :id"), {"id": group_id}
    )
    assert group_progress.update(conn, [group_id], [], now=now)


def test_a_due_time_creates_a_sealed_group_whose_steps_the_resolver_starts(
    conn: Connection,
) -> None:
    steps = (*MAP, {"key": "last", "after_all": True, "priority": 90, "max_retries": 1})
    made = make(conn, *steps, max_retries=7)
    assert (made.subreddit, made.next_run_at) == (None, NOON + HOUR)
    assert due_schedules.seconds_until_next_due(conn, now=NOON) == 3600
    (fired,) = fire(conn, NOON + HOUR)
    assert isinstance(fired, Fired)
    assert (fired.outcome, fired.job_id, fired.has_fired) == (RunOutcome.ENQUEUED, None, True)
    assert fired.group_id is not None
    group = group_reads.get_group(conn, group_id=fired.group_id)
    assert group is not None
    assert (group.name, group.due_at) == ("map 2024-05-01T13:00:00Z", NOON + HOUR)
    assert (group.scheduled_job_id, group.created_by) == (made.id, "system:scheduler")
    assert group.sealed_at == NOON + HOUR
    assert ledger(conn) == [(1, "enqueued", group.id)]
    moved = rows.reload(conn, made)
    assert (moved.next_run_at, moved.last_run_at) == (NOON + 2 * HOUR, NOON + HOUR)
    assert (moved.version, moved.open_group_id) == (made.version, group.id)
    assert rows.count(conn, "crawl_jobs") == 0  # only the resolver enqueues
    for key in ("a", "b", "c", "last"):
        groups.resolve(conn, now=NOON + HOUR)
        assert groups.states(conn, group.id)[key] is StepState.ENQUEUED
        groups.end_job(conn, groups.job_of(conn, group.id, key))
    groups.resolve(conn, now=NOON + HOUR)
    assert groups.outcome(conn, group.id) == "succeeded"
    asked = conn.execute(
        text("SELECT base_priority, max_retries, source, scheduled_job_id FROM crawl_jobs")
    ).all()
    assert set(asked) == {(20, 7, "schedule", made.id), (90, 1, "schedule", made.id)}


def test_fire_once_waits_for_the_last_group_and_then_fires_once(conn: Connection) -> None:
    made = make(conn)
    (first,) = fire(conn, NOON + HOUR)
    for hours in (2, 3, 4):
        assert fire(conn, NOON + hours * HOUR) == []
    # No busy loop: the scheduler does not wake for an overdue schedule that waits.
    assert due_schedules.seconds_until_next_due(conn, now=NOON + 4 * HOUR) == 86_400
    assert rows.reload(conn, made).open_group_id == first.group_id
    end(conn, first.group_id, NOON + 4.5 * HOUR)
    assert due_schedules.seconds_until_next_due(conn, now=NOON + 4.5 * HOUR) == 0
    (second,) = fire(conn, NOON + 4.5 * HOUR)
    assert ledger(conn) == [
        (1, "enqueued", first.group_id),
        (2, "missed", None),
        (3, "missed", None),
        (4, "enqueued", second.group_id),
    ]
    assert fire(conn, NOON + 4.5 * HOUR) == []
    assert rows.reload(conn, made).next_run_at == NOON + 5 * HOUR


def test_skip_records_due_times_while_the_last_group_is_unfinished(conn: Connection) -> None:
    made = make(conn, misfire_policy=MisfirePolicy.SKIP)
    (first,) = fire(conn, NOON + HOUR)
    (skipped,) = fire(conn, NOON + 2 * HOUR)
    assert (skipped.outcome, skipped.group_id, skipped.has_fired) == ("skipped", None, False)
    end(conn, first.group_id, NOON + 2.5 * HOUR)
    (third,) = fire(conn, NOON + 3 * HOUR)
    assert ledger(conn) == [
        (1, "enqueued", first.group_id),
        (2, "skipped", None),
        (3, "enqueued", third.group_id),
    ]
    assert rows.reload(conn, made).last_run_at == NOON + 3 * HOUR


def test_the_end_of_a_group_wakes_the_schedulers_only_if_its_schedule_waits(
    database: Database, database_url: str
) -> None:
    def wakes(group_id: int, now: datetime) -> bool:
        with psycopg.connect(database_url, autocommit=True) as listener:
            listener.execute(f"LISTEN {scheduler_hint.CHANNEL}")
            with database.begin() as conn:
                end(conn, group_id, now)
            return bool(list(listener.notifies(timeout=0.2, stop_after=1)))

    with database.begin() as conn:
        make(conn)
        (first,) = fire(conn, NOON + HOUR)
    assert not wakes(first.group_id, NOON + 1.5 * HOUR)
    with database.begin() as conn:
        (second,) = fire(conn, NOON + 2 * HOUR)
    assert wakes(second.group_id, NOON + 3 * HOUR)


def test_one_step_that_waits_for_all_others_starts_alone(conn: Connection) -> None:
    make(conn, {"key": "only", "after_all": True})
    (fired,) = fire(conn, NOON + HOUR)
    groups.resolve(conn, now=NOON + HOUR)
    assert groups.states(conn, fired.group_id) == {"only": StepState.ENQUEUED}


BROKEN = [
    ("""'[{"key": "a"}]'""", "steps: the stored steps are unreadable; replace them"),
    ("'[]'", "steps: the stored steps are unreadable; replace them"),
    (
        """'[{"key": "a", "subreddit_id": 1, "subreddit": "x", "after": ["b"]}]'""",
        "steps: there is no step b",
    ),
    (
        """'[{"key": "a", "subreddit_id": 999, "subreddit": "x"}]'""",
        "steps: the subreddit of a step is gone",
    ),
]


@pytest.mark.parametrize(("steps", "reason"), BROKEN)
def test_steps_that_an_operator_broke_disable_only_their_schedule(
    conn: Connection, steps: str, reason: str
) -> None:
    broken = make(conn, name="broken")
    make(conn, name="good")
    conn.execute(text(f"UPDATE scheduled_jobs SET steps = {steps} WHERE id = {broken.id}"))
    results = {type(each): each for each in fire(conn, NOON + HOUR)}
    assert results[Fired].schedule.name == "good"
    assert results[Disabled].reason == reason
    after = rows.reload(conn, broken)
    assert (after.enabled, after.next_run_at, after.disabled_reason) == (False, None, reason)
    assert rows.count(conn, "job_groups") == 1
    assert [run["outcome"] for run in rows.ledger(conn, broken)] == ["missed"]


def test_a_barred_subreddit_ends_its_step_and_not_the_schedule(conn: Connection) -> None:
    made = make(conn, ("a",), {"key": "b", "after": ("a",), "requires": "crawled"})
    (fired,) = fire(conn, NOON + HOUR)
    for key in ("a", "b"):
        groups.resolve(conn, now=NOON + HOUR)
        groups.end_job(conn, groups.job_of(conn, fired.group_id, key), how="banned")
    groups.resolve(conn, now=NOON + HOUR)
    assert groups.states(conn, fired.group_id) == {"a": "succeeded", "b": "failed"}
    after = rows.reload(conn, made)
    assert (after.enabled, after.next_run_at) == (True, NOON + 2 * HOUR)
    (again,) = fire(conn, NOON + 2 * HOUR)
    assert isinstance(again, Fired)


def test_two_schedulers_create_one_group_for_each_due_time(database: Database) -> None:
    with database.begin() as conn:
        for number in range(20):
            make(conn, ("a",), name=f"map {number}")
    start = threading.Barrier(4)

    def work() -> None:
        start.wait(10)
        for _ in range(20):
            database.run(
                lambda conn: group_firing.fire_due_groups(conn, at_most=3, now=NOON + HOUR)
            )

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.begin() as conn:
        assert rows.count(conn, "job_groups") == 20
        assert rows.count(conn, "group_steps", "state = 'pending' AND waiting_for = 0") == 20
        assert rows.count(conn, "scheduled_job_runs", "outcome = 'enqueued'") == 20


def test_a_clock_that_was_set_back_repairs_the_due_time(conn: Connection) -> None:
    made = make(conn)
    conn.execute(
        text("UPDATE scheduled_jobs SET steps_next_run_at = :far, last_run_at = :far"),
        {"far": NOON + 1000 * HOUR},
    )
    assert schedule_setbacks.mend_next_runs(conn, now=NOON) == 1
    assert schedule_setbacks.mend_next_runs(conn, now=NOON) == 0
    after = rows.reload(conn, made)
    assert (after.next_run_at, after.last_run_at) == (NOON + HOUR, NOON)
