"""Only one worker at a time runs a task. The tests check when the next turn is free."""

from datetime import timedelta

from crawljobs.db.database import Connection
from crawljobs.repository.operations import task_turns
from support.jobs import T0

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def take(
    conn: Connection, at: timedelta, *, task: str = "prune", hold: timedelta = 0 * SECOND
) -> bool:
    return task_turns.take_turn(conn, task=task, every=MINUTE, hold=hold, now=T0 + at)


def test_a_turn_is_free_again_after_its_interval(conn: Connection) -> None:
    assert take(conn, 0 * SECOND)
    assert not take(conn, MINUTE - SECOND)
    assert take(conn, 0 * SECOND, task="other")
    assert take(conn, MINUTE)
    assert not take(conn, MINUTE + SECOND)


def test_a_held_turn_is_free_after_the_hold_or_an_interval_after_its_end(
    conn: Connection,
) -> None:
    assert take(conn, 0 * SECOND, hold=4 * MINUTE)
    assert not take(conn, 5 * MINUTE - SECOND, hold=4 * MINUTE)
    assert take(conn, 5 * MINUTE, hold=4 * MINUTE)
    take(conn, 0 * SECOND, task="other", hold=4 * MINUTE)
    task_turns.end_turn(conn, task="prune", now=T0 + 6 * MINUTE)
    assert not take(conn, 7 * MINUTE - SECOND)
    assert not take(conn, 2 * MINUTE, task="other", hold=4 * MINUTE)
    assert take(conn, 7 * MINUTE)


def test_a_turn_of_the_future_counts_for_nothing_after_a_minute(conn: Connection) -> None:
    hold = 4 * MINUTE
    assert take(conn, 0 * SECOND, hold=hold)
    assert not take(conn, -MINUTE, hold=hold)
    assert take(conn, -MINUTE - SECOND, hold=hold)
