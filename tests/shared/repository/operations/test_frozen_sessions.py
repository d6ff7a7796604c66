"""The session of a process that froze while it sent a statement in a transaction is ended."""

from datetime import timedelta

import psycopg
import pytest

from crawljobs.db.database import Database
from crawljobs.repository.operations import frozen_sessions
from support import frozen_session

BRIEF = timedelta(milliseconds=1)


@pytest.fixture(params=["crawljobs worker-7", "admin-api"])
def application(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def frozen(database_url: str, application: str) -> psycopg.Connection:
    connection = psycopg.connect(database_url, application_name=application)
    connection.execute("CREATE TABLE held ()")
    with psycopg.connect(database_url, autocommit=True) as watcher:
        frozen_session.freeze(connection, watcher)
    return connection


def test_a_session_silent_in_mid_statement_is_ended_and_rolled_back(
    database: Database, frozen: psycopg.Connection, application: str
) -> None:
    with database.begin() as conn:
        ended = frozen_sessions.end_frozen_sessions(conn, silence=BRIEF)
    assert ended == [application]
    with pytest.raises(psycopg.OperationalError):
        frozen.execute("SELECT 1")
    with database.begin() as conn:
        assert conn.exec_driver_sql("SELECT to_regclass('held')").scalar() is None


def test_nobody_is_ended_who_is_idle_at_work_or_not_silent_for_long(
    database: Database, database_url: str, frozen: psycopg.Connection, application: str
) -> None:
    with (
        psycopg.connect(database_url, application_name="crawljobs idle") as idle,
        psycopg.connect(database_url, application_name="psql") as copying,
    ):
        idle.execute("SELECT 1")
        copying.execute("CREATE TABLE filled (n int)")
        with copying.cursor().copy("COPY filled FROM STDIN") as copy, database.begin() as conn:
            copy.write_row([1])
            assert frozen_sessions.end_frozen_sessions(conn) == []
            ended = frozen_sessions.end_frozen_sessions(conn, silence=BRIEF)
            assert ended == [application]
        idle.execute("SELECT 1")
        copying.execute("SELECT 1")
    frozen.close()
