"""An action that waits for the commit runs once after the commit, and never after a rollback."""

import pytest
from sqlalchemy import text

from crawljobs.db import after_commit
from crawljobs.db.database import Connection, Database


def test_it_is_done_after_the_commit(database: Database) -> None:
    done: list[str] = []

    def work(conn: Connection) -> None:
        after_commit.register(conn, lambda: done.append("run"))
        assert done == []

    database.run(work)
    assert done == ["run"]
    with database.begin() as conn:
        after_commit.register(conn, lambda: done.append("begin"))
        assert done == ["run"]
    assert done == ["run", "begin"]


def test_it_is_not_done_after_a_rollback_nor_by_whoever_comes_next(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    done: list[str] = []
    with pytest.raises(ZeroDivisionError), database.begin() as conn:
        after_commit.register(conn, lambda: done.append("rolled back"))
        raise ZeroDivisionError
    with database.begin() as conn:
        conn.execute(text("SELECT 1"))
    assert done == []
    database.close()


def test_a_transaction_that_is_run_again_does_it_once(database: Database) -> None:
    done: list[int] = []
    tries: list[int] = []

    def work(conn: Connection) -> None:
        tries.append(1)
        after_commit.register(conn, lambda: done.append(len(tries)))
        if len(tries) < 3:
            conn.execute(text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))

    database.run(work)
    assert (len(tries), done) == (3, [3])
