"""Wait until sessions wait for a lock, so that tests of races need no sleep."""

from sqlalchemy import text

from crawljobs.db.database import Database
from support.waiting import wait_until

_BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def wait_until_blocked(database: Database, sessions: int = 1) -> None:
    """Wait until at least this number of sessions in the database wait for a lock."""

    wait_until(
        lambda: blocked_sessions(database) >= sessions,
        timeout=10,
        describe="a session to wait for a lock",
    )


def blocked_sessions(database: Database) -> int:
    """Return the number of sessions in the database that wait for a lock."""
    with database.begin() as conn:
        return int(conn.execute(_BLOCKED).scalar_one())
