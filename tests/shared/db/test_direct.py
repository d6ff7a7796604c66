"""A direct connection waits for notifications and for a signal of its own process."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from crawljobs import errors
from crawljobs.db.direct import DirectConnection


@pytest.fixture
def direct(database_url: str) -> Iterator[DirectConnection]:
    opened = DirectConnection(database_url, application_name="direct-test", deadline_seconds=10)
    yield opened
    opened.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def notify(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("NOTIFY some_channel")


def test_a_wait_ends_with_a_notification(
    direct: DirectConnection, database_url: str, pipe: tuple[int, int]
) -> None:
    direct.listen("some_channel")
    assert not direct.wait(0.0, wake=pipe[0])
    notify(database_url)
    assert direct.wait(10.0, wake=pipe[0])
    assert not direct.wait(-1.0, wake=pipe[0])  # the notification counts once


def test_a_wait_ends_with_a_signal_and_takes_the_signal(
    direct: DirectConnection, pipe: tuple[int, int]
) -> None:
    direct.listen("some_channel")
    os.write(pipe[1], b"x")
    assert not direct.wait(10.0, wake=pipe[0])
    os.set_blocking(pipe[0], False)
    with pytest.raises(BlockingIOError):
        os.read(pipe[0], 1)


def test_a_statement_of_a_direct_connection_needs_no_commit(
    direct: DirectConnection, database_url: str
) -> None:
    with direct.call() as conn:
        conn.exec_driver_sql("CREATE TABLE made (id int)")
    with psycopg.connect(database_url) as other:
        row = other.execute(
            "SELECT to_regclass('made') IS NOT NULL, count(*) FROM pg_stat_activity "
            "WHERE application_name = 'direct-test' AND state = 'idle'"
        ).fetchone()
    assert row == (True, 1)


def test_a_closed_direct_connection_is_unavailable(
    database_url: str, pipe: tuple[int, int]
) -> None:
    direct = DirectConnection(database_url, application_name="direct-test", deadline_seconds=10)
    direct.close()
    with pytest.raises(errors.DatabaseUnavailable):
        direct.wait(0.0, wake=pipe[0])
