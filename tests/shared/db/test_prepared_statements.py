"""A process uses few connections, so that their prepared statements are executed again."""

from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.db.driver_statement import DriverStatement

NUMBER = DriverStatement(text("SELECT CAST(:number AS integer) AS chosen_number"))
PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'chosen_number'")


def session(conn: Connection) -> int:
    return int(conn.execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_the_pool_gives_the_connection_that_was_used_last(database_url: str) -> None:
    database = Database(database_url, pool_size=3)
    with database.begin() as first, database.begin() as second, database.begin() as third:
        opened = {session(conn) for conn in (first, second, third)}
    assert len(opened) == 3
    assert len({database.run(session) for _ in range(6)}) == 1
    database.close()


def test_a_frequent_statement_is_prepared_at_its_first_use(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    with database.begin() as conn:
        assert NUMBER.rows(conn, {"number": 7}) == [(7,)]
        assert conn.execute(PREPARED).scalar_one() == 1
    database.close()


def test_no_statement_is_prepared_behind_a_pooler(database_url: str) -> None:
    database = Database(database_url, pool_size=1, pooled=True)
    with database.begin() as conn:
        assert NUMBER.rows(conn, {"number": 7}) == [(7,)]
        assert conn.execute(PREPARED).scalar_one() == 0
    database.close()
