"""The next turn of a task may begin one interval after the end of the last turn."""

from datetime import datetime, timedelta

from crawljobs.db.database import Connection
from crawljobs.repository.operations import task_turns
from support.jobs import T0

MINUTE = timedelta(minutes=1)


def take(conn: Connection, now: datetime, task: str = "prune") -> bool:
    return task_turns.take_turn(conn, task=task, every=5 * MINUTE, hold=10 * MINUTE, now=now)


def test_a_turn_that_was_ended_is_followed_by_another_an_interval_later(conn: Connection) -> None:
    assert take(conn, T0)
    task_turns.end_turn(conn, task="prune", now=T0 + MINUTE)
    assert not take(conn, T0 + 5 * MINUTE)
    assert take(conn, T0 + 6 * MINUTE)


def test_a_turn_that_never_ended_is_held_for_its_time(conn: Connection) -> None:
    assert take(conn, T0)
    assert take(conn, T0, task="another")
    assert not take(conn, T0 + 14 * MINUTE)
    assert take(conn, T0 + 15 * MINUTE)


def test_a_turn_without_a_hold_is_free_an_interval_after_its_start(conn: Connection) -> None:
    for now in (T0, T0 + 5 * MINUTE, T0 + 10 * MINUTE):
        assert task_turns.take_turn(conn, task="prune", every=5 * MINUTE, now=now)
