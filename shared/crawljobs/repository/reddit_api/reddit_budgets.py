"""Adapt the request budget of a Reddit client id to Reddit's replies.

The budget is one row that all workers share. Commit each statement at once, because a lock on this
row stops all workers. The module slot_reservation spends the budget, and the module reddit_pauses
pauses all workers.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Integer,
    and_,
    bindparam,
    case,
    extract,
    func,
    literal_column,
    or_,
    update,
)

from crawljobs.db.tables import reddit_budgets
from crawljobs.domain.request_budget import BudgetReport, Slot
from crawljobs.repository.queue import parked_jobs
from crawljobs.repository.sql import CLOCK, inline_number

_budget = reddit_budgets.c
_now = CLOCK.c.now
_ZERO = inline_number(0)
_OF_CLIENT = _budget.client_id == bindparam("client")

# _of_this_window is true if the reply's reset time is less than half a window from the end of the
# stored window. Any other reply is a late reply about an earlier window, and must not change the
# stored counts.
_elapsed = extract("epoch", _budget.window_started_at - _now)
_of_this_window = func.abs(
    _elapsed + _budget.window_seconds - bindparam("reset", type_=Double)
) < _budget.window_seconds / literal_column("2.0")

# The number of other programs' requests that the reply reports and that are not stored yet.
#
# - Plus `used`: all requests of the window, as the reply reports them.
# - Minus `number`: the requests that were stored when this slot was reserved, of all workers up to
#   this slot, and `others_then` of other programs.
# - Minus `others - others_then`: the other programs' requests that were stored after this slot was
#   reserved, from replies to other workers.
#
# Later slots do not count: their requests are sent later, and the reply does not report them.
_new_others: ColumnElement[int] = (
    bindparam("used", type_=Integer)
    - bindparam("number", type_=Integer)
    - (_budget.others - bindparam("others_then", type_=Integer))
)
_seen = case((_of_this_window, func.greatest(_ZERO, _new_others)), else_=_ZERO)
_cap = bindparam("cap", type_=Integer)
_has_rest = bindparam("remaining", type_=Integer) > _ZERO
_is_larger = and_(_cap > _budget.requests_per_window, _has_rest)

# If the reply shows a larger budget than the stored budget, the next slot is now. Otherwise workers
# would first wait for the slots that were reserved with the stored budget. The statement computes
# with the present columns of the row, because another worker may have changed the row since the
# slot was reserved.
_LEARN = (
    update(reddit_budgets)
    .where(
        _OF_CLIENT,
        or_(
            and_(
                _budget.requests_per_window != _cap,
                or_(_has_rest, _cap < _budget.requests_per_window),
            ),
            and_(_of_this_window, _new_others > _ZERO),
        ),
    )
    .values(
        requests_per_window=case(
            (_has_rest, _cap), else_=func.least(_cap, _budget.requests_per_window)
        ),
        reserved=_budget.reserved + _seen,
        others=_budget.others + _seen,
        next_slot_at=case(
            (_is_larger, func.least(_budget.next_slot_at, _now)), else_=_budget.next_slot_at
        ),
        waits_ended_at=case((_is_larger, _now), else_=_budget.waits_ended_at),
    )
    .returning((_budget.next_slot_at == _now).label("is_freed"))
)


def learn_from_reply(
    conn: Connection,
    *,
    client_id: str,
    slot: Slot,
    report: BudgetReport,
    now: datetime | None = None,
) -> None:
    """Store what a reply's rate-limit headers show: the budget and other programs' requests.

    `slot` is the reserved slot of the request. Writes nothing if the reply reports no change.

    - The stored counts only increase.
    - The budget is the sum of used and remaining requests. If no requests remain, the sum may be
      above Reddit's limit, so the budget is not raised.
    - If a larger budget makes a slot free now, the jobs that wait for Reddit are queued.
    """
    learned = conn.execute(
        _LEARN,
        {
            "client": client_id,
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
