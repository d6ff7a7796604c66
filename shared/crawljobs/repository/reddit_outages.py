"""The breaker of one Reddit client id: when Reddit itself is in trouble, every worker pauses.

It shares the row of the budget. While replies are good nothing is written.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain import request_budget
from crawljobs.repository import parked_jobs

_NOW = "coalesce(CAST(:now AS timestamptz), clock_timestamp())"

_ALL = (1 << request_budget.REPLIES_REMEMBERED) - 1
_SHIFTED = f"((recent_failures << 1) & {_ALL})"

_GOOD = text(f"""
    UPDATE reddit_budgets SET recent_failures = {_SHIFTED}
    WHERE client_id = :client_id AND recent_failures <> 0
    """)

# Open already: what comes in late changes nothing about when the next probe goes.
_FAILED = text(f"""
    UPDATE reddit_budgets SET
        recent_failures = {_SHIFTED} | 1,
        outage_until = CASE
            WHEN outage_until IS NOT NULL THEN outage_until
            WHEN bit_count(CAST({_SHIFTED} | 1 AS bit(32))) >= :failures_that_open
                THEN now + make_interval(secs => :first) END
    FROM {_NOW} AS now
    WHERE client_id = :client_id
    RETURNING CAST(greatest(1, extract(epoch FROM outage_until - now)) AS float8)
        * CAST(outage_until IS NOT NULL AS integer) AS left
    """)

_PROBE_GOOD = text("""
    UPDATE reddit_budgets SET recent_failures = 0, outage_until = NULL, outages_in_a_row = 0
    WHERE client_id = :client_id
    """)

_PROBE_FAILED = text(f"""
    UPDATE reddit_budgets SET
        outage_until = now
            + make_interval(secs => least(:longest, :first * 2.0 ^ (outages_in_a_row + 1))),
        outages_in_a_row = least(outages_in_a_row + 1, 30)
    FROM {_NOW} AS now
    WHERE client_id = :client_id
    RETURNING CAST(extract(epoch FROM outage_until - now) AS float8) AS left
    """)


def record_good(conn: Connection, *, client_id: str) -> None:
    """A reply of any sort that shows Reddit at work."""
    conn.execute(_GOOD, {"client_id": client_id})


def record_failed(conn: Connection, *, client_id: str, now: datetime | None = None) -> float:
    """A reply that failed: half of the last 20 open the breaker. For how many seconds it is open;
    0 when it is not.
    """
    values = {
        "client_id": client_id,
        "failures_that_open": request_budget.FAILURES_THAT_OPEN,
        "first": request_budget.FIRST_OUTAGE_SECONDS,
        "now": now,
    }
    return max(0.0, conn.execute(_FAILED, values).scalar() or 0.0)


def record_probe(
    conn: Connection, *, client_id: str, good: bool, now: datetime | None = None
) -> float:
    """What the probe found: the outage is over, or goes on for so many seconds.

    Its end makes the jobs claimable that waited for it.
    """
    if good:
        conn.execute(_PROBE_GOOD, {"client_id": client_id})
        parked_jobs.free_from_reddit(conn, now=now)
        return 0.0
    values = {
        "client_id": client_id,
        "first": request_budget.FIRST_OUTAGE_SECONDS,
        "longest": request_budget.LONGEST_OUTAGE_SECONDS,
        "now": now,
    }
    return max(0.0, conn.execute(_PROBE_FAILED, values).scalar() or 0.0)
