"""The circuit breaker of a Reddit client id: during an outage of Reddit, all workers pause.

It is stored in the row of the budget. Good replies after good replies write nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain import plain_text, request_budget
from crawljobs.domain.request_budget import Pause, PausedReason, ProbeTurn
from crawljobs.repository.queue import parked_jobs

_NOW = "coalesce(CAST(:now AS timestamptz), clock_timestamp())"

DETAIL_MAX = 500  # characters, the same limit as in the CHECK constraint of the table

_ALL = (1 << request_budget.REPLIES_REMEMBERED) - 1
_SHIFTED = f"((recent_failures << 1) & {_ALL})"

_GOOD = text(f"""
    UPDATE reddit_budgets SET recent_failures = {_SHIFTED}
    WHERE client_id = :client_id AND recent_failures <> 0
    """)

# If the breaker is open already, a late failure does not change the time of the next probe.
_FAILED = text(f"""
    UPDATE reddit_budgets SET
        recent_failures = {_SHIFTED} | 1,
        outage_until = CASE
            WHEN outage_until IS NOT NULL THEN outage_until
            WHEN bit_count(CAST({_SHIFTED} | 1 AS bit(32))) >= :failures_that_open
                THEN now + make_interval(secs => :first) END,
        paused_reason = CASE WHEN outage_until IS NULL THEN 'outage' ELSE paused_reason END,
        paused_detail = CASE WHEN outage_until IS NULL
            THEN CAST(:detail AS text) ELSE paused_detail END
    FROM {_NOW} AS now
    WHERE client_id = :client_id
    RETURNING CAST(greatest(1, extract(epoch FROM outage_until - now)) AS float8)
        * CAST(outage_until IS NOT NULL AS integer) AS left
    """)

_WOULD_OPEN = text(f"""
    SELECT outage_until IS NULL
        AND bit_count(CAST({_SHIFTED} | 1 AS bit(32))) >= :failures_that_open
    FROM reddit_budgets WHERE client_id = :client_id
    """)

_LOCK = text(f"""
    SELECT outage_until, outage_until IS NOT NULL AS is_open,
        coalesce(nullif(paused_reason, 'rate_limit'), 'outage') AS reason,
        coalesce(paused_detail, '') AS detail,
        CAST(greatest(0, extract(epoch FROM outage_until - {_NOW})) AS float8) AS left
    FROM reddit_budgets WHERE client_id = :client_id
    FOR UPDATE
    """)

_OPEN = text(str(_LOCK).replace("FOR UPDATE", "").rstrip() + " AND outage_until IS NOT NULL")

_PROBE_GOOD = text(f"""
    UPDATE reddit_budgets SET
        recent_failures = 0, outage_until = NULL, outages_in_a_row = 0,
        paused_reason = NULL, paused_detail = NULL,
        probing_until = NULL, probe_good_at = coalesce(probe_began_at, {_NOW})
    WHERE client_id = :client_id
    """)

# The pause of an open breaker doubles. A new reason starts with the shortest pause.
_PAUSE = text(f"""
    INSERT INTO reddit_budgets AS row
        (client_id, next_slot_at, outage_until, paused_reason, paused_detail)
    SELECT :client_id, now, now + make_interval(secs => :first), :reason, :detail
    FROM {_NOW} AS now
    ON CONFLICT (client_id) DO UPDATE SET
        next_slot_at = greatest(row.next_slot_at, {_NOW}),  -- the client id is in use
        outage_until = {_NOW}
            + make_interval(secs => least(:longest, :first * 2.0 ^ CAST(:row AS integer))),
        outages_in_a_row = least(CAST(:row AS integer), 30),
        paused_reason = excluded.paused_reason, paused_detail = excluded.paused_detail,
        probing_until = NULL
    RETURNING CAST(extract(epoch FROM outage_until - {_NOW}) AS float8) AS left
    """)

_IN_A_ROW = text("SELECT outages_in_a_row FROM reddit_budgets WHERE client_id = :client_id")

_TAKE_PROBE = text(f"""
    UPDATE reddit_budgets SET
        probing_until = now + make_interval(secs => :probe_seconds), probe_began_at = now
    FROM {_NOW} AS now
    WHERE client_id = :client_id AND outage_until IS NULL
        AND coalesce(probing_until <= now OR
            probing_until > now + make_interval(secs => :probe_seconds), true)
        AND coalesce(probe_began_at <= now - make_interval(secs => :every)
            OR probe_began_at > now, true)
    RETURNING client_id
    """)

# A good probe counts if it began after the unclear reply. A time in the future was written before
# the clock was set back.
_HAS_PROBED = text(f"""
    SELECT coalesce(probe_good_at BETWEEN {_NOW} - make_interval(secs => :since) AND {_NOW}, false)
    FROM reddit_budgets WHERE client_id = :client_id
    """)

_GIVE_BACK = text("UPDATE reddit_budgets SET probing_until = NULL WHERE client_id = :client_id")


def record_good(conn: Connection, *, client_id: str) -> None:
    """Record a reply which shows that Reddit works."""
    conn.execute(_GOOD, {"client_id": client_id})


def would_open(conn: Connection, *, client_id: str) -> bool:
    """Return whether one more failure would open the breaker: the caller then probes first."""
    values = {"client_id": client_id, "failures_that_open": request_budget.FAILURES_THAT_OPEN}
    return bool(conn.execute(_WOULD_OPEN, values).scalar())


def record_failed(
    conn: Connection, *, client_id: str, detail: str = "", now: datetime | None = None
) -> float:
    """Record a failed reply; 10 failures among the last 20 replies open the breaker.

    Returns the seconds for which the breaker is open, 0 if it is closed. `detail` describes the
    failure.
    """
    values = {
        "client_id": client_id,
        "failures_that_open": request_budget.FAILURES_THAT_OPEN,
        "first": request_budget.FIRST_OUTAGE_SECONDS,
        "detail": _storable(detail),
        "now": now,
    }
    return max(0.0, conn.execute(_FAILED, values).scalar() or 0.0)


def record_accepted(
    conn: Connection, *, client_id: str, now: datetime | None = None
) -> PausedReason | None:
    """Record a good probe: close the breaker and queue the jobs that wait for Reddit.

    Returns the reason of the pause that ended, or None if the breaker was closed.
    """
    before = conn.execute(_LOCK, {"client_id": client_id, "now": now}).first()
    conn.execute(_PROBE_GOOD, {"client_id": client_id, "now": now})
    if before is None or not before.is_open:
        return None
    parked_jobs.free_from_reddit(conn, now=now)
    return PausedReason(before.reason)


def record_probe(
    conn: Connection, *, client_id: str, good: bool, now: datetime | None = None
) -> float:
    """Record the result of a probe. Returns the seconds of the next pause, 0 after a good probe."""
    if good:
        record_accepted(conn, client_id=client_id, now=now)
        return 0.0
    reason = PausedReason.OUTAGE
    return pause(
        conn, client_id=client_id, reason=reason, detail="", is_probe=True, now=now
    ).seconds


def pause(
    conn: Connection,
    *,
    client_id: str,
    reason: PausedReason,
    detail: str,
    is_probe: bool,
    now: datetime | None = None,
) -> Pause:
    """Pause all workers for this reason, and return the pause. Each failed probe doubles it.

    If the workers already pause for this reason and `is_probe` is false, nothing changes.
    """
    before = conn.execute(_LOCK, {"client_id": client_id, "now": now}).first()
    is_same = before is not None and before.is_open and before.reason == reason
    if before is not None and is_same and not is_probe and before.left > 0:
        return Pause(reason, before.detail, before.left)
    row = 0
    if is_same:
        row = int(conn.execute(_IN_A_ROW, {"client_id": client_id}).scalar_one()) + 1
    elif is_probe and before is not None and before.is_open:
        row = 1
    values = {
        "client_id": client_id,
        "reason": reason.value,
        "detail": _storable(detail),
        "first": request_budget.FIRST_OUTAGE_SECONDS,
        "longest": request_budget.LONGEST_OUTAGE_SECONDS,
        "row": row,
        "now": now,
    }
    left = float(conn.execute(_PAUSE, values).scalar_one())
    return Pause(reason, _storable(detail), max(0.0, left), is_new=not is_same)


def take_probe(
    conn: Connection, *, client_id: str, since: float, now: datetime | None = None
) -> ProbeTurn:
    """Take the turn to probe whether Reddit accepts the client, after an unclear reply.

    The reply came `since` seconds ago. Returns the open pause, or a good probe that began after the
    reply, or whether the caller has the turn. One worker at a time has the turn, for at most
    PROBE_SECONDS. record_accepted, pause or give_back_probe ends it.
    """
    values = {
        "client_id": client_id,
        "since": since,
        "probe_seconds": request_budget.PROBE_SECONDS,
        "every": request_budget.PROBE_EVERY_SECONDS,
        "now": now,
    }
    open_pause = paused(conn, client_id=client_id, now=now)
    if open_pause is not None:
        return ProbeTurn(pause=open_pause)
    if conn.execute(_HAS_PROBED, values).scalar():
        return ProbeTurn(is_good=True)
    return ProbeTurn(is_mine=conn.execute(_TAKE_PROBE, values).first() is not None)


def give_back_probe(conn: Connection, *, client_id: str) -> None:
    """End the turn without a result."""
    conn.execute(_GIVE_BACK, {"client_id": client_id})


def paused(conn: Connection, *, client_id: str, now: datetime | None = None) -> Pause | None:
    """Return the pause of the open breaker, which may be over; None if the breaker is closed."""
    row = conn.execute(_OPEN, {"client_id": client_id, "now": now}).first()
    return None if row is None else Pause(PausedReason(row.reason), row.detail, max(1.0, row.left))


def _storable(detail: str) -> str:
    return plain_text.one_line(detail, limit=DETAIL_MAX)
