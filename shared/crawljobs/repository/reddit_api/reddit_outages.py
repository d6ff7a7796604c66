"""The circuit breaker of a Reddit client id: it pauses all workers during an outage of Reddit.

The state of the breaker is stored in the row of the client id's budget.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Connection,
    Double,
    Integer,
    bindparam,
    case,
    func,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import reddit_budgets
from crawljobs.domain import plain_text, request_budget
from crawljobs.domain.request_budget import Pause, PausedReason
from crawljobs.domain.webhook import EventType
from crawljobs.repository.queue import parked_jobs
from crawljobs.repository.sql import NOW, inline, inline_number, interval_of, seconds
from crawljobs.repository.webhooks.events import pause_events
from crawljobs.repository.webhooks.events.event_interest import wanted

DETAIL_MAX = 500  # limit of paused_detail in characters, as in the table's CHECK constraint

_budget = reddit_budgets.c
_ZERO = inline_number(0)
_OF_CLIENT = _budget.client_id == bindparam("client")

_FIND = select(
    _budget.outage_until.is_not(None).label("is_open"),
    func.coalesce(
        func.nullif(_budget.paused_reason, inline(PausedReason.RATE_LIMIT)),
        inline(PausedReason.OUTAGE),
    ).label("reason"),
    func.coalesce(_budget.paused_detail, inline("")).label("detail"),
    func.greatest(_ZERO, seconds(_budget.outage_until - NOW)).label("left"),
    _budget.outages_in_a_row,
).where(_OF_CLIENT)

_LOCK = _FIND.with_for_update()

_FIND_OPEN = _FIND.where(_budget.outage_until.is_not(None))

# The time when the good probe began. During a pause, the start of a probe has set outage_until to
# PROBE_SECONDS after that time. Without a pause, client_probes has stored the time in
# probe_began_at. If a newer probe has succeeded already, its time (probe_good_at) is kept.
_began = case(
    (
        _budget.outage_until.is_not(None),
        func.least(
            NOW, _budget.outage_until - interval_of(bindparam("probe_seconds", type_=Double))
        ),
    ),
    else_=func.greatest(
        func.coalesce(_budget.probe_began_at, NOW),
        case((_budget.probe_good_at <= NOW, _budget.probe_good_at)),
    ),
)
_PROBE_GOOD = (
    update(reddit_budgets)
    .where(_OF_CLIENT)
    .values(
        recent_failures=_ZERO,
        outage_until=null(),
        outages_in_a_row=_ZERO,
        paused_reason=null(),
        paused_detail=null(),
        probing_until=null(),
        probe_good_at=_began,
        waits_ended_at=NOW,
    )
)

_first = bindparam("first", type_=Double)
_row = bindparam("row", type_=Integer)
_doubled = func.least(
    bindparam("longest", type_=Double), _first * func.power(inline_number(2), _row)
)
_new = insert(reddit_budgets).excluded
# Each further pause for the same reason is twice as long, up to `longest`. A pause for a new reason
# lasts `first` seconds, or twice as long if a failed probe found this reason during another pause.
_PAUSE = (
    insert(reddit_budgets)
    .values(
        client_id=bindparam("client"),
        next_slot_at=NOW,
        outage_until=NOW + interval_of(_first),
        paused_reason=bindparam("reason"),
        paused_detail=bindparam("detail"),
    )
    .on_conflict_do_update(
        index_elements=[_budget.client_id],
        set_={
            # Records the pause as a use of the client id. Without this record, the query REDDIT
            # would ignore the pause of a client id that was last used more than one day ago.
            "next_slot_at": func.greatest(_budget.next_slot_at, NOW),
            "outage_until": NOW + interval_of(_doubled),
            "outages_in_a_row": func.least(_row, inline_number(30)),
            "paused_reason": _new.paused_reason,
            "paused_detail": _new.paused_detail,
            "probing_until": null(),
        },
    )
    .returning(
        seconds(_budget.outage_until - NOW).label("left"),
        wanted(EventType.BUDGET_PAUSED).label("has_event"),
    )
)


def record_accepted(
    conn: Connection, *, client_id: str, now: datetime | None = None
) -> PausedReason | None:
    """Record a good probe: close the breaker and queue the jobs that wait for Reddit.

    Returns the reason of the pause that ended, or None if the breaker was already closed.
    """
    before = conn.execute(_LOCK, {"client": client_id, "now": now}).first()
    values = {"client": client_id, "probe_seconds": request_budget.PROBE_SECONDS, "now": now}
    conn.execute(_PROBE_GOOD, values)
    if before is None or not before.is_open:
        return None
    parked_jobs.free_from_reddit(conn, now=now)
    return PausedReason(before.reason)


def record_probe(
    conn: Connection, *, client_id: str, good: bool, now: datetime | None = None
) -> float:
    """Record a probe's result. Returns the next pause in seconds, or 0 after a good probe."""
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
    """Pause all workers for this reason, and return the pause.

    Each failed probe doubles the length of the pause. If the workers already pause for this reason
    and `is_probe` is false, nothing changes.
    """
    before = conn.execute(_LOCK, {"client": client_id, "now": now}).first()
    is_same = before is not None and before.is_open and before.reason == reason
    if before is not None and is_same and not is_probe and before.left > 0:
        return Pause(reason, before.detail, before.left)
    row = 0
    if before is not None and is_same:
        row = before.outages_in_a_row + 1
    elif is_probe and before is not None and before.is_open:
        row = 1
    detail = plain_text.one_line(detail, limit=DETAIL_MAX)
    values = {
        "client": client_id,
        "reason": reason.value,
        "detail": detail,
        "first": request_budget.FIRST_OUTAGE_SECONDS,
        "longest": request_budget.LONGEST_OUTAGE_SECONDS,
        "row": row,
        "now": now,
    }
    paused = conn.execute(_PAUSE, values).one()
    if paused.has_event:
        pause_events.record(conn, client_id=client_id, reason=reason, now=now)
    return Pause(reason, detail, max(0.0, float(paused.left)), is_new=not is_same)


def paused(conn: Connection, *, client_id: str, now: datetime | None = None) -> Pause | None:
    """Return the pause of an open circuit breaker, or None if the breaker is closed.

    After the time of the pause, the breaker stays open until a probe succeeds.
    """
    row = conn.execute(_FIND_OPEN, {"client": client_id, "now": now}).first()
    return None if row is None else Pause(PausedReason(row.reason), row.detail, max(1.0, row.left))
