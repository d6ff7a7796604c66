"""A history in the shape of a day, for the charts of the dashboard: busy noons, a gap, failures."""

from sqlalchemy import text

from crawljobs.db.database import Connection
from support import history_rows

MINUTES = 26 * 60
HOURS = 15 * 24
# Busy at noon, quiet at midnight.
_SHAPE = text("""
    WITH busy AS (
        SELECT step_minutes, at, step_minutes AS times,
               1 - cos(extract(epoch FROM at) / 86400 * 2 * pi()) AS of_day,
               1 + sin(extract(epoch FROM at) / 1700) / 3 AS of_hour
        FROM queue_history)
    UPDATE queue_history AS row SET
        claims = 40 * of_day * of_hour * times, succeeded = 37 * of_day * of_hour * times,
        failed = 3 * of_hour * times, waiting = 60 * of_day, crawling = 8 * of_day,
        queued_0_24 = 90 * of_day, queued_25_49 = 40 * of_day * of_hour,
        queued_50_74 = 18 * of_hour, queued_75_100 = 3 * of_day,
        wait_p50_seconds = 1 + 4 * of_day, wait_p95_seconds = 6 + 30 * of_day * of_hour,
        oldest_queued_seconds = 20 + 300 * of_day, dead_rows = 400 * of_hour
    FROM busy WHERE (row.step_minutes, row.at) = (busy.step_minutes, busy.at)
    """)
_GAP = text("""
    DELETE FROM queue_history
    WHERE step_minutes = 1 AND at BETWEEN now() - interval '9 hours' AND now() - interval '8 hours'
    """)


def fill(conn: Connection, *, clients: tuple[str, ...]) -> None:
    """Insert rows for each minute of 26 hours and each hour of 15 days, with a gap of an hour."""
    history_rows.fill(conn, minutes=MINUTES, hours=HOURS, clients=clients)
    conn.execute(_SHAPE)
    conn.execute(_GAP)
