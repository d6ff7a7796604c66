"""Insert rows of the history, as if workers had recorded every minute."""

from datetime import datetime, timedelta

from sqlalchemy import text

from crawljobs.db.database import Connection

HOUR = timedelta(hours=1)
_QUEUE = text("""
    INSERT INTO queue_history (step_minutes, at, minutes, waiting, crawling, queued_0_24,
        queued_25_49, queued_50_74, queued_75_100, oldest_queued_seconds, workers, database_bytes,
        dead_rows, claims, succeeded, failed, wait_p50_seconds, wait_p95_seconds)
    SELECT :step, at, :step, n % 7, 2, 10, 20, 30, 40, n, 3, 1000000 + n, 5, 4, 3, 1, 2, 9
    FROM generate_series(1, :rows) AS n,
        LATERAL (SELECT CAST(:until AS timestamptz) - n * make_interval(mins => :step) AS at) AS row
    ORDER BY at
    """)
_BUDGET = text("""
    INSERT INTO budget_history (client_id, step_minutes, at, minutes, requests_user,
        requests_schedule, throttled, usable, remaining)
    SELECT client, :step, at, :step, 5, 7, 1, 970, 500
    FROM unnest(CAST(:clients AS text[])) AS client, generate_series(1, :rows) AS n,
        LATERAL (SELECT CAST(:until AS timestamptz) - n * make_interval(mins => :step) AS at) AS row
    ORDER BY at
    """)

_WEBHOOKS = text("""
    INSERT INTO webhook_history (endpoint_id, step_minutes, at, attempts, attempts_failed,
        attempt_p50_ms, attempt_p95_ms)
    SELECT 1, :step, at, 6, 2, 30, 80
    FROM generate_series(1, :rows) AS n,
        LATERAL (SELECT CAST(:until AS timestamptz) - n * make_interval(mins => :step) AS at) AS row
    ORDER BY at
    """)


def fill(
    conn: Connection,
    *,
    minutes: int,
    hours: int = 0,
    until: datetime | None = None,
    clients: tuple[str, ...] = ("me",),
) -> datetime:
    """Insert rows of the last minutes and full hours before `until`, and return `until`.

    The default is the begin of this minute. A row of an hour has the same numbers as a minute.
    """
    if until is None:
        until = conn.execute(text("SELECT date_bin('1 minute', now(), 'epoch')")).scalar_one()
    ended = until - timedelta(seconds=until.timestamp() % 3600)
    for step, rows, end in ((1, minutes, until), (60, hours, ended)):
        values = {"step": step, "rows": rows, "until": end, "clients": list(clients)}
        conn.execute(_QUEUE, values)
        conn.execute(_BUDGET, values)
        conn.execute(_WEBHOOKS, values)
    return until
