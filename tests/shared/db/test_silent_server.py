"""When the server or the network before it becomes silent, every wait for a reply ends."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text

from crawljobs import errors
from crawljobs.db import connection
from crawljobs.db.database import Database
from crawljobs.db.direct import DirectConnection
from crawljobs.db.driver_statement import DriverStatement
from support import tcp_proxy
from support.tcp_proxy import Message, TcpProxy, Verdict

REPLY_SECONDS = 0.3
# A silence is noticed within this time, also on an overloaded machine.
SOON_SECONDS = REPLY_SECONDS + 3


@pytest.fixture
def proxy(database_url: str) -> Iterator[TcpProxy]:
    with tcp_proxy.serve(database_url) as running:
        yield running


def test_a_reply_that_does_not_come_is_an_outage_and_the_next_call_works(proxy: TcpProxy) -> None:
    with contextlib.closing(Database(proxy.url, reply_seconds=REPLY_SECONDS)) as database:
        began = 0.0
        with (
            pytest.raises(errors.DatabaseUnavailable, match=r"did not reply within 0\.3 s"),
            database.begin() as conn,
        ):
            conn.execute(text("SELECT 1"))
            proxy.stall_those_open()
            began = time.monotonic()
            conn.execute(text("SELECT 1"))
        assert time.monotonic() - began < SOON_SECONDS
        with database.begin() as conn:
            assert conn.execute(text("SELECT 1")).scalar_one() == 1


def test_a_reply_that_is_merely_slow_is_waited_for(database_url: str) -> None:
    with (
        contextlib.closing(Database(database_url, reply_seconds=20)) as database,
        database.begin() as conn,
    ):
        assert conn.execute(text("SELECT 7 FROM pg_sleep(0.4)")).scalar_one() == 7


@pytest.mark.parametrize(("surely_alive", "asked"), [(60.0, 1), (0.0, 2)])
def test_a_sign_of_life_is_asked_for_only_after_idleness(
    proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch, surely_alive: float, asked: int
) -> None:
    monkeypatch.setattr(connection, "SURELY_ALIVE_SECONDS", surely_alive)
    with contextlib.closing(Database(proxy.url, pool_size=1)) as database:
        database.run_statement(lambda conn: conn.execute(text("SELECT 1")))
        questions = Questions(proxy)
        database.run_statement(lambda conn: conn.execute(text("SELECT 1")))
        assert questions.asked == asked
        database.check_reachable()
        assert questions.asked == 2 * asked


def test_a_session_that_ended_in_the_pool_is_replaced_although_it_was_just_used(
    database_url: str,
) -> None:
    def session(conn: Connection) -> int:
        return int(conn.execute(text("SELECT pg_backend_pid()")).scalar_one())

    with contextlib.closing(Database(database_url, pool_size=1)) as database:
        ended = database.run_statement(session)
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", (ended,))
        assert database.run_statement(session) != ended


def test_sessions_that_end_before_their_first_use_are_an_outage(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooler may behave like this: it accepts a connection and closes it at once."""
    opened = []

    def end(one: connection.BoundedConnection) -> None:
        with psycopg.connect(database_url) as killer:
            killer.execute("SELECT pg_terminate_backend(%s, 10000)", [one.info.backend_pid])

    def connect(*arguments: Any, **options: Any) -> connection.BoundedConnection:
        one = connection.connect(*arguments, **options)
        opened.append(one)
        if len(opened) in (2, 3):
            end(one)
        return one

    monkeypatch.setattr("crawljobs.db.database.connect", connect)
    with contextlib.closing(Database(database_url, pool_size=1)) as database:
        database.check_reachable()
        end(opened[0])
        for _ in range(2):
            with pytest.raises(errors.DatabaseUnavailable):
                database.check_reachable()
        database.check_reachable()
        assert len(opened) == 4


def test_a_statement_given_to_the_driver_fails_like_any_other(database_url: str) -> None:
    terminate = text("SELECT pg_terminate_backend(:pid, 10000)")
    seven = DriverStatement(text("SELECT CAST(:it AS integer)"))
    with contextlib.closing(Database(database_url, pool_size=2)) as database:
        with (
            pytest.raises(errors.DatabaseUnavailable, match="terminating connection"),
            database.begin() as conn,
        ):
            ended = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
            database.run_statement(lambda other: other.execute(terminate, {"pid": ended}))
            seven.rows(conn, {"it": 7})
        for _ in range(2):
            assert database.run(lambda conn: seven.rows(conn, {"it": 7})) == [(7,)]


def test_a_direct_connection_that_falls_silent_at_any_step_of_its_start_is_given_up(
    proxy: TcpProxy,
) -> None:
    """SQLAlchemy sends several queries on a new connection before the project's own query."""
    questions = Questions(proxy)
    start_and_listen(proxy)
    assert questions.asked > 3
    for step in range(1, questions.asked + 1):
        Questions(proxy, silent_from=step)
        began = time.monotonic()
        with pytest.raises(errors.DatabaseUnavailable):
            start_and_listen(proxy)
        assert time.monotonic() - began < SOON_SECONDS, f"step {step}"
        proxy.heal(lose=True)


def start_and_listen(proxy: TcpProxy) -> None:
    direct = DirectConnection(proxy.url, application_name="tests", deadline_seconds=REPLY_SECONDS)
    try:
        direct.listen("anything")
    finally:
        direct.close()


class Questions:
    """Counts a client's queries after its login. From query `silent_from` on, none is answered."""

    def __init__(self, proxy: TcpProxy, silent_from: int | None = None) -> None:
        self.asked = 0
        self._proxy = proxy
        self._silent_from = silent_from
        proxy.rule = self

    def __call__(self, message: Message) -> Verdict:
        if message.from_client and message.kind in (b"Q", b"P"):
            self.asked += 1
            if self.asked == self._silent_from:
                self._proxy.stall()
        return Verdict.PASS
