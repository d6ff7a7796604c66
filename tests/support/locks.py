"""Races without sleeping: the database says when somebody waits for a lock."""

from sqlalchemy import text

from crawljobs.db.database import Database
from support.waiting import wait_until

_BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def wait_until_blocked(database: Database, sessions: int = 1) -> None:
    """Until so many sessions of this database wait for a lock."""

    def blocked() -> int:
        with database.begin() as conn:
            return int(conn.execute(_BLOCKED).scalar_one())

    wait_until(lambda: blocked() >= sessions, timeout=10, describe="somebody to wait for a lock")
