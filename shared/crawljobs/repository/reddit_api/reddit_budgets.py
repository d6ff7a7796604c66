"""The request budget of a Reddit client id: one row, shared by all workers.

Commit each statement at once: a lock on the row stops all workers. Windows have a fixed length and
are aligned to the clock, as Reddit's windows are. Within a window, requests are spread evenly
(GCRA). Other programs may use the same client id and spend a part of the budget. Then the rest is
spread over the rest of the window, minus the expected requests of the other programs at their
present rate.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import BudgetReport, PausedReason, Slot
from crawljobs.repository.queue import parked_jobs

_NOW = "coalesce(CAST(:now AS timestamptz), clock_timestamp())"

_CREATE = text(f"""
    INSERT INTO reddit_budgets (client_id, next_slot_at) VALUES (:client_id, {_NOW})
    ON CONFLICT DO NOTHING
    """)

# `wanted` is the earliest slot. If its window is full, the slot is the start of the next window.
# The row is locked first, so that all values are from its newest version.
_RESERVE = text(f"""
    WITH budget AS MATERIALIZED (
        SELECT *, {_NOW} AS now
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

_PAUSE_LEFT = text(f"""
    SELECT CAST(extract(epoch FROM greatest(paused_until, outage_until) - {_NOW}) AS float8)
    FROM reddit_budgets WHERE client_id = :client_id
    """)

# True if the reset time of the reply is the end of the stored window: a late reply must not count
# in the next window.
_OF_THIS_WINDOW = """
    (abs(extract(epoch FROM window_started_at - now) + window_seconds - :reset)
        < window_seconds / 2.0)
"""

# New requests of other programs: the count of the reply, minus the slots up to the slot of this
# request, minus the known requests of other programs. Slots are in the order of their times, so the
# count of the reply has no later slot.
_NEW_OTHERS = """
    (CAST(:used AS integer) - CAST(:number AS integer) - (others - CAST(:others_then AS integer)))
"""
_SEEN = f"CASE WHEN {_OF_THIS_WINDOW} THEN greatest(0, {_NEW_OTHERS}) ELSE 0 END"

# A larger budget takes effect at once, not after the slots of the smaller budget. The statement
# computes with columns of the row and the clock only, because another worker may have changed the
# row meanwhile.
_LEARN = text(f"""
    UPDATE reddit_budgets SET
        requests_per_window = CASE WHEN :remaining > 0 THEN :cap
            ELSE least(:cap, requests_per_window) END,
        reserved = reserved + {_SEEN},
        others = others + {_SEEN},
        next_slot_at = CASE WHEN :cap > requests_per_window AND :remaining > 0
            THEN least(next_slot_at, now) ELSE next_slot_at END
    FROM {_NOW} AS now
    WHERE client_id = :client_id
        AND (requests_per_window <> :cap AND (:remaining > 0 OR :cap < requests_per_window)
            OR ({_OF_THIS_WINDOW} AND {_NEW_OTHERS} > 0))
    RETURNING next_slot_at = now AS is_freed
    """)

_THROTTLES = """
    (CASE WHEN last_throttled_at > now - make_interval(secs => :forgiven)
        THEN throttles_in_a_row ELSE 0 END)
"""

# A 429 during a pause has the same cause as the pause, so it does not make the next pause longer.
_PAUSE = text(f"""
    UPDATE reddit_budgets SET
        paused_until = greatest(paused_until, now + make_interval(secs => coalesce(
            CAST(:seconds AS float8),
            CASE WHEN paused_until > now THEN 0
                ELSE least(CAST(:longest AS float8), :first * 2.0 ^ {_THROTTLES}) END))),
        throttles_in_a_row = CASE WHEN paused_until > now THEN throttles_in_a_row
            ELSE least({_THROTTLES} + 1, 30) END,
        last_throttled_at = now,
        paused_reason = CASE WHEN outage_until IS NULL THEN 'rate_limit' ELSE paused_reason END
    FROM {_NOW} AS now
    WHERE client_id = :client_id
    """)


def reserve_slot(
    conn: Connection,
    *,
    client_id: str,
    longest_wait: float,
    longest_queue: float | None = None,
    now: datetime | None = None,
) -> Slot:
    """Reserve the next slot if it is at most `longest_wait` seconds away.

    Returns the slot. With `longest_queue`, at most this number of other slots may be before it. If
    the slot is too far away, it is returned with `taken` false and spends no budget.
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
    if row is None:  # the first request ever
        conn.execute(_CREATE, values)
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


def pause_left(conn: Connection, *, client_id: str, now: datetime | None = None) -> float:
    """Return the seconds until the end of the pause or outage; 0 if there is none."""
    left = conn.execute(_PAUSE_LEFT, {"client_id": client_id, "now": now}).scalar()
    return max(0.0, left or 0.0)


def learn_from_reply(
    conn: Connection,
    *,
    client_id: str,
    slot: Slot,
    report: BudgetReport,
    now: datetime | None = None,
) -> None:
    """Store the budget of the window and the requests of other programs, as the reply reports them.

    `slot` is the slot of the request. The number of reserved slots never becomes smaller. If no
    requests remain, the window may be overspent, so the reply does not raise the budget. Writes
    nothing if the reply has no news. If a slot is free again, queues the jobs that wait for Reddit.
    """
    learned = conn.execute(
        _LEARN,
        {
            "client_id": client_id,
            "cap": report.used + report.remaining,
            "used": report.used,
            "remaining": report.remaining,
            "number": slot.number,
            "others_then": slot.others,
            "reset": report.reset_seconds,
            "now": now,
        },
    ).first()
    if learned is not None and learned.is_freed:
        parked_jobs.free_from_reddit(conn, now=now)


def pause_all(
    conn: Connection, *, client_id: str, seconds: float | None, now: datetime | None = None
) -> None:
    """Pause all workers for `seconds`.

    With None the pause is 5 s, and doubles with each pause until 30 minutes pass without a 429.
    """
    conn.execute(
        _PAUSE,
        {
            "client_id": client_id,
            "seconds": seconds,
            "first": request_budget.FIRST_PAUSE_SECONDS,
            "longest": request_budget.LONGEST_PAUSE_SECONDS,
            "forgiven": request_budget.FORGIVEN_AFTER_SECONDS,
            "now": now,
        },
    )
