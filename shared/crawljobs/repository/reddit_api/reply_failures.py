"""Record good and failed replies of Reddit. Many failed replies open the circuit breaker."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    not_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import BIT

from crawljobs.db.tables import reddit_budgets
from crawljobs.domain import plain_text, request_budget
from crawljobs.domain.request_budget import PausedReason
from crawljobs.domain.webhook import EventType
from crawljobs.repository.reddit_api.reddit_outages import DETAIL_MAX
from crawljobs.repository.sql import CLOCK, inline, inline_number, interval_of, seconds
from crawljobs.repository.webhooks.events import pause_events
from crawljobs.repository.webhooks.events.event_interest import wanted

_budget = reddit_budgets.c
_now = CLOCK.c.now
_ZERO, _ONE = inline_number(0), inline_number(1)
_OF_CLIENT = _budget.client_id == bindparam("client")

_all_replies = inline_number((1 << request_budget.REPLIES_REMEMBERED) - 1)
_after_good: ColumnElement[int] = _budget.recent_failures.bitwise_lshift(_ONE).bitwise_and(
    _all_replies
)
_after_failure = _after_good.bitwise_or(_ONE)
_is_closed = _budget.outage_until.is_(None)
_opens = func.bit_count(cast(_after_failure, BIT(32))) >= bindparam(
    "failures_that_open", type_=Integer
)

_GOOD = (
    update(reddit_budgets)
    .where(_OF_CLIENT, _budget.recent_failures != _ZERO)
    .values(recent_failures=_after_good)
)

# Failures of requests that were sent before the breaker opened may be recorded while the breaker is
# open. These failures do not change the time of the next probe.
_FAILED = (
    update(reddit_budgets)
    .where(_OF_CLIENT)
    .values(
        recent_failures=_after_failure,
        outage_until=case(
            (_budget.outage_until.is_not(None), _budget.outage_until),
            (_opens, _now + interval_of(bindparam("first", type_=Double))),
        ),
        paused_reason=case((_is_closed, inline(PausedReason.OUTAGE)), else_=_budget.paused_reason),
        paused_detail=case(
            (_is_closed, bindparam("detail", type_=Text)), else_=_budget.paused_detail
        ),
    )
    .returning(
        case(
            (_is_closed, _ZERO),
            else_=func.greatest(_ONE, seconds(_budget.outage_until - _now)),
        ).label("left"),
        and_(not_(_is_closed), wanted(EventType.BUDGET_PAUSED)).label("has_event"),
        _budget.paused_reason,
    )
)

_WOULD_OPEN = select(_is_closed & _opens).where(_OF_CLIENT)


def record_good(conn: Connection, *, client_id: str) -> None:
    """Record a reply which shows that Reddit works. Writes nothing if no failure is stored."""
    conn.execute(_GOOD, {"client": client_id})


def would_open(conn: Connection, *, client_id: str) -> bool:
    """Return whether one more failed reply would open the circuit breaker.

    If so, the caller sends a probe before it records the failure.
    """
    values = {"client": client_id, "failures_that_open": request_budget.FAILURES_THAT_OPEN}
    return bool(conn.execute(_WOULD_OPEN, values).scalar())


def record_failed(
    conn: Connection, *, client_id: str, detail: str = "", now: datetime | None = None
) -> float:
    """Record a failed reply. 10 failures among the latest 20 replies open the circuit breaker.

    Returns the seconds until the next probe, or 0 if the breaker stays closed. `detail` describes
    the failure.
    """
    values = {
        "client": client_id,
        "failures_that_open": request_budget.FAILURES_THAT_OPEN,
        "first": request_budget.FIRST_OUTAGE_SECONDS,
        "detail": plain_text.one_line(detail, limit=DETAIL_MAX),
        "now": now,
    }
    row = conn.execute(_FAILED, values).first()
    if row is None:
        return 0.0
    if row.has_event:
        reason = PausedReason(row.paused_reason)
        pause_events.record(conn, client_id=client_id, reason=reason, now=now)
    return max(0.0, float(row.left))
