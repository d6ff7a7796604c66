"""A process reports regularly that it is alive, and deletes its row at its end."""

from collections.abc import Iterator

import pytest
import structlog

from crawljobs.db.database import Database
from crawljobs.domain import process_differences
from crawljobs.repository.operations import service_instances
from crawljobs.repository.operations.service_instances import Instance
from crawljobs.runtime.heartbeat import Heartbeat
from support.waiting import wait_until


@pytest.fixture
def heartbeat(database: Database) -> Iterator[Heartbeat]:
    made = Heartbeat(
        database, name="w1", role="crawler-worker", details=lambda: {"n": 1}, beat_seconds=0.05
    )
    yield made
    made.stop()


def instances(database: Database) -> list[Instance]:
    with database.begin() as conn:
        return service_instances.list_instances(conn)


def test_it_says_again_and_again_that_it_is_there(database: Database, heartbeat: Heartbeat) -> None:
    heartbeat.start()
    wait_until(lambda: instances(database), timeout=10, describe="the first word")
    (first,) = instances(database)
    assert (first.name, first.role, first.details["n"]) == ("w1", "crawler-worker", 1)
    difference = process_differences.clock_difference(first.details, first.seen_at)
    assert difference is not None
    assert abs(difference) < 5  # the process and the database have the same clock here
    assert first.alive
    wait_until(
        lambda: instances(database)[0].seen_at > first.seen_at, timeout=10, describe="another word"
    )
    assert instances(database)[0].started_at == first.started_at
    heartbeat.stop()
    wait_until(lambda: not instances(database), timeout=10, describe="its end")


def test_an_unexpected_error_is_logged_and_the_next_word_is_said(
    database: Database, heartbeat: Heartbeat
) -> None:
    with database.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE service_instances RENAME TO away")
    with structlog.testing.capture_logs() as told:
        heartbeat.start()
        wait_until(lambda: told, timeout=10, describe="no error was logged")
        with database.begin() as conn:
            conn.exec_driver_sql("ALTER TABLE away RENAME TO service_instances")
        wait_until(lambda: instances(database), timeout=10, describe="it says nothing more")
    assert told[0]["event"] == "heartbeat.failed"


def test_a_process_reports_what_it_observes_in_the_database(database: Database) -> None:
    made = Heartbeat(
        database,
        name="s1",
        role="scheduler",
        details=dict,
        observe=lambda conn: {"answer": conn.exec_driver_sql("SELECT 42").scalar_one()},
    )
    made.start()
    wait_until(lambda: instances(database), timeout=10, describe="the first heartbeat")
    assert instances(database)[0].details["answer"] == 42
    made.stop()


def test_one_that_never_started_can_be_stopped(database: Database, heartbeat: Heartbeat) -> None:
    heartbeat.stop()
    assert instances(database) == []


def test_a_database_that_is_down_harms_nobody() -> None:
    down = Database("postgresql://nobody@127.0.0.1:1/none")
    heartbeat = Heartbeat(down, name="w", role="scheduler", details=dict, beat_seconds=0.01)
    heartbeat.start()
    heartbeat.stop()
    wait_until(lambda: not heartbeat._thread.is_alive(), timeout=10, describe="the thread's end")
    down.close()
