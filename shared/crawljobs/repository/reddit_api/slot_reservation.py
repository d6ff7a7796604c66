"""Reserve the time of the next request to Reddit, a slot, in the budget of a client id.

The windows of a budget have a fixed length and are aligned to the clock, as Reddit's windows are.
Requests are spread evenly over a window (generic cell rate algorithm).

Other programs may use the same client id, and are expected to continue at their present rate. Their
expected requests are subtracted from the remaining budget. The slots for the rest of the budget are
spread over the remaining time of the window.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import reddit_budgets
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import PausedReason, Slot
from crawljobs.repository.queue.queue_sql import CLOCK
from crawljobs.repository.sql import NOW

_CREATE = (
    insert(reddit_budgets)
    .values(client_id=bindparam("client_id"), next_slot_at=NOW)
    .on_conflict_do_nothing()
    .inline()
)

# `wanted` is the earliest time at which a request may start. If the window of that time is full,
# the slot is at the start of the next window. The budget's row is locked first, so that all values
# come from the newest version of the row.
_RESERVE = text(f"""
    WITH budget AS MATERIALIZED (
        SELECT *, {CLOCK} AS now
        FROM reddit_budgets WHERE client_id = :client_id
        FOR UPDATE
    ), wanted AS (
        SELECT budget.*, greatest(next_slot_at, paused_until, now) AS at,
            make_interval(secs => window_seconds) AS width,
            greatest(1, floor(requests_per_window * CAST(:share AS float8))) AS usable
        FROM budget
    ), placed AS (
        SELECT wanted.*, window_at,
            CASE WHEN window_started_at = window_at THEN reserved ELSE 0 END AS used
        FROM wanted, date_bin(width, at, timestamptz 'epoch') AS window_at
    ), slot AS (
        SELECT client_id, now, width, usable, outage_until, recent_failures, paused_reason,
            paused_detail,
            CASE WHEN used < usable THEN at ELSE window_at + width END AS at,
            CASE WHEN used < usable THEN window_at ELSE window_at + width END AS window_at,
            CASE WHEN used < usable THEN used ELSE 0 END AS used,
            CASE WHEN used < usable AND window_started_at = window_at THEN others ELSE 0 END
                AS others
        FROM placed
    ), expected AS (
        SELECT *, window_at + width - at AS time_left,
            CASE WHEN now - window_at < width * CAST(:unknown_share AS float8) THEN 0
                ELSE least((usable - used) * CAST(:left_to_others_share AS float8),
                    others * extract(epoch FROM window_at + width - now)
                        / extract(epoch FROM now - window_at))
            END AS by_others
        FROM slot
    ), spread AS (
        SELECT *, greatest(width / usable, time_left / greatest(1, usable - used - by_others))
            AS gap
        FROM expected
    ), answer AS (
        SELECT spread.*, extract(epoch FROM greatest(at, outage_until) - now) AS delay,
            coalesce(outage_until > now, false) AS outage,
            at - now <= make_interval(secs => :longest_wait)
                AND (CAST(:longest_queue AS float8) IS NULL OR at - now <= greatest(
                    make_interval(secs => :queue_seconds), gap * CAST(:longest_queue AS float8)))
                AND coalesce(outage_until <= now, true) AS taken
        FROM spread
    ), reserve AS (
        UPDATE reddit_budgets AS row SET
            next_slot_at = answer.at + gap,
            window_started_at = window_at,
            reserved = used + 1,
            others = answer.others,
            -- the other workers wait for the result of the probe
            outage_until = CASE WHEN answer.outage_until IS NOT NULL
                THEN answer.at + make_interval(secs => :probe_seconds) END
        FROM answer WHERE row.client_id = answer.client_id AND taken
    )
    SELECT CAST(delay AS float8) AS delay, taken, outage,
        CAST(extract(epoch FROM window_at + width - now) AS float8) AS expires,
        used + 1 AS number, others,
        taken AND outage_until IS NOT NULL AS probe,
        recent_failures <> 0 OR outage_until IS NOT NULL AS troubled,
        CASE WHEN outage_until IS NOT NULL
            THEN coalesce(nullif(paused_reason, 'rate_limit'), 'outage') END AS reason,
        paused_detail AS detail
    FROM answer
    """)


def reserve_slot(
    conn: Connection,
    *,
    client_id: str,
    longest_wait: float,
    longest_queue: float | None = None,
    now: datetime | None = None,
) -> Slot:
    """Reserve the next slot if it is not too far away, and return it.

    The slot is too far away in two cases:

    - The slot is more than `longest_wait` seconds away.
    - Other requests have reserved more than about `longest_queue` slots before this slot.

    If the slot is too far away, or Reddit has an outage, returns the slot with `taken` false. Then
    no budget is spent.
    """
    values = {
        "client_id": client_id,
        "longest_wait": longest_wait,
        "longest_queue": longest_queue,
        "queue_seconds": request_budget.QUEUE_SECONDS,
        "share": request_budget.USABLE_SHARE,
        "unknown_share": request_budget.UNKNOWN_SHARE,
        "left_to_others_share": request_budget.LEFT_TO_OTHERS_SHARE,
        "probe_seconds": request_budget.PROBE_SECONDS,
        "now": now,
    }
    row = conn.execute(_RESERVE, values).first()
    if row is None:  # the first request with this client id
        conn.execute(_CREATE, {"client_id": client_id, "now": now})
        row = conn.execute(_RESERVE, values).one()
    return Slot(
        delay_seconds=max(0.0, row.delay),
        taken=row.taken,
        expires_seconds=row.expires,
        number=row.number,
        others=row.others,
        outage=row.outage,
        probe=row.probe,
        troubled=row.troubled,
        paused_reason=None if row.reason is None else PausedReason(row.reason),
        paused_detail=row.detail or "",
    )
