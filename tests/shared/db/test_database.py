"""A database connection: its limits, errors, addresses and repeated transactions."""

import threading
import time
from dataclasses import replace

import pytest
from psycopg import conninfo
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crawljobs import errors, settings
from crawljobs.db import call_deadline
from crawljobs.db.database import (
    CONFLICT_BACKOFF_SECONDS,
    CONFLICT_RETRIES,
    Connection,
    Database,
)
from crawljobs.db.timeouts import BACKGROUND_TIMEOUTS
from crawljobs.runtime import startup
from support.waiting import wait_until

LIMITS = (
    *("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"),
    *("TimeZone", "jit"),
)


def limits_of(database: Database) -> dict[str, str]:
    with database.begin() as conn:
        return {name: conn.execute(text(f"SHOW {name}")).scalar_one() for name in LIMITS}


@pytest.mark.parametrize("pooled", [False, True])
def test_every_transaction_has_limits_also_behind_a_pooler(database_url: str, pooled: bool) -> None:
    database = Database(database_url, pool_size=1, pooled=pooled)
    assert limits_of(database) == {
        "statement_timeout": "30s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "15s",
        "TimeZone": "UTC",
        "jit": "off",  # decision 113
    }
    database.close()


@pytest.mark.parametrize(("pooled", "prepares"), [(False, True), (True, False)])
def test_statements_are_prepared_unless_a_pooler_is_between(
    database_url: str, pooled: bool, prepares: bool
) -> None:
    database = Database(database_url, pool_size=1, pooled=pooled)
    with database.begin() as conn:
        for _ in range(10):
            conn.execute(text("SELECT 1"))
        prepared = text("SELECT count(*) FROM pg_prepared_statements")
        assert (conn.execute(prepared).scalar_one() > 0) is prepares
    database.close()


def test_options_of_the_address_are_kept(database_url: str) -> None:
    database = Database(database_url + "?options=-csearch_path%3Dfoo", pool_size=1)
    with database.begin() as conn:
        assert conn.execute(text("SHOW search_path")).scalar_one() == "foo"
        assert conn.execute(text("SHOW lock_timeout")).scalar_one() == "5s"
    database.close()


def test_a_transaction_that_was_idle_for_too_long_is_trouble_that_passes(
    database: Database,
) -> None:
    alive = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
    with pytest.raises(errors.DatabaseUnavailable), database.begin() as conn:
        pid = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
        conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = '20ms'"))

        def is_gone() -> bool:
            with database.begin() as other:
                return not other.execute(alive, {"pid": pid}).scalar_one()

        wait_until(is_gone, timeout=10, describe="the server to end the session")
        conn.execute(text("SELECT 1"))


def test_an_error_does_not_repeat_what_was_to_be_stored(database_url: str) -> None:
    """The error is logged with its traceback, and a stored value may be a token of Reddit."""
    database = Database(database_url, pool_size=1)
    with pytest.raises(DBAPIError) as caught:
        database.run(lambda conn: conn.execute(text("SELECT 1/0, :it"), {"it": "canary"}))
    assert "canary" not in str(caught.value)
    database.close()


@pytest.mark.parametrize("wrong", [{"dbname": "no_such_database"}, {"user": "nobody_here"}])
def test_an_address_that_is_refused_stops_the_start_by_name(
    database_url: str, wrong: dict[str, str]
) -> None:
    address = conninfo.make_conninfo(database_url, **wrong)
    database = Database(address, pool_size=1)
    begun = time.monotonic()
    with pytest.raises(errors.SettingsError, match="DATABASE_URL: expected an address"):
        startup.wait_for_schema(database, stop=threading.Event())
    assert time.monotonic() - begun < 10
    database.close()


def test_a_wrong_direct_address_is_named_as_such(database_url: str) -> None:
    address = settings.DatabaseSettings(
        url=database_url,
        direct_url=conninfo.make_conninfo(database_url, dbname="no_such_database"),
        pooled=True,
    )
    with pytest.raises(errors.SettingsError, match="DATABASE_DIRECT_URL: "):
        startup.check_direct_address(address, application_name="t", stop=threading.Event())


class Conflicting:
    """A transaction that fails with a conflict at each call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, conn: Connection) -> None:
        self.calls += 1
        conn.exec_driver_sql("DO $$ BEGIN RAISE 'conflict' USING ERRCODE = '40001'; END $$")


def test_conflicts_are_tried_again_so_often_with_growing_pauses(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    opened, work = Database(database_url), Conflicting()
    try:
        with pytest.raises(errors.DatabaseUnavailable):
            opened.run(work)
    finally:
        opened.close()
    assert work.calls == CONFLICT_RETRIES
    assert len(pauses) == CONFLICT_RETRIES - 1
    longest = [CONFLICT_BACKOFF_SECONDS * 2**number for number in range(len(pauses))]
    assert all(0 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
    assert len(set(pauses)) > 1  # random, so that two conflicting transactions do not meet again


def test_conflicts_are_not_tried_again_when_their_time_is_over(database_url: str) -> None:
    limits = replace(BACKGROUND_TIMEOUTS, conflicts=0.0)
    opened, work = Database(database_url, limits=limits), Conflicting()
    try:
        with pytest.raises(errors.DatabaseUnavailable):
            opened.run(work)
        call_deadline.begin(-1.0)
        with pytest.raises(errors.DatabaseUnavailable):
            opened.run(work)
    finally:
        call_deadline.end()
        opened.close()
    assert work.calls == 1
