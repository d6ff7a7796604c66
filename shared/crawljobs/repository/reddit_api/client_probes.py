"""Decide which worker probes whether Reddit accepts a client id, after an unclear reply.

A reply is unclear if it does not show whether Reddit refuses all requests or only this request. One
worker at a time has the turn: it sends the probe, which is an additional request to Reddit. All
workers use the result of the probe.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Double, bindparam, false, func, null, or_, select, true, update

from crawljobs.db.tables import reddit_budgets
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import ProbeTurn
from crawljobs.repository.reddit_api import reddit_outages
from crawljobs.repository.sql import CLOCK, NOW, interval_of

_budget = reddit_budgets.c
_now = CLOCK.c.now
_OF_CLIENT = _budget.client_id == bindparam("client")

_turn = interval_of(bindparam("probe_seconds", type_=Double))
_every = interval_of(bindparam("every", type_=Double))
# The stored times of earlier turns normally prevent a new turn for some time. A stored time that is
# too far in the future does not, because it was written before the database's clock was set back.
_TAKE_TURN = (
    update(reddit_budgets)
    .where(
        _OF_CLIENT,
        _budget.outage_until.is_(None),
        func.coalesce(
            or_(_budget.probing_until <= _now, _budget.probing_until > _now + _turn), true()
        ),
        func.coalesce(
            or_(_budget.probe_began_at <= _now - _every, _budget.probe_began_at > _now), true()
        ),
    )
    .values(probing_until=_now + _turn, probe_began_at=_now)
    .returning(_budget.client_id)
)

# The caller received an unclear reply `since` seconds ago. True if Reddit has accepted a probe that
# began after this reply. An older probe does not show whether Reddit accepts the client id now.
_HAS_PROBED = select(
    func.coalesce(
        _budget.probe_good_at.between(NOW - interval_of(bindparam("since", type_=Double)), NOW),
        false(),
    )
).where(_OF_CLIENT)

_GIVE_BACK = update(reddit_budgets).where(_OF_CLIENT).values(probing_until=null())


def take_probe(
    conn: Connection, *, client_id: str, since: float, now: datetime | None = None
) -> ProbeTurn:
    """Take the turn to probe whether Reddit accepts the client id, after an unclear reply.

    The reply came `since` seconds ago. The result sets one of these fields:

    - `pause`: the circuit breaker is open.
    - `is_good`: a probe began after the reply and has succeeded.
    - `is_mine`: whether the caller has the turn.

    One worker at a time has the turn, for at most PROBE_SECONDS. The turn ends earlier with
    give_back_probe, or with `record_accepted` or `pause` of reddit_outages.
    """
    values = {
        "client": client_id,
        "since": since,
        "probe_seconds": request_budget.PROBE_SECONDS,
        "every": request_budget.PROBE_EVERY_SECONDS,
        "now": now,
    }
    open_pause = reddit_outages.paused(conn, client_id=client_id, now=now)
    if open_pause is not None:
        return ProbeTurn(pause=open_pause)
    if conn.execute(_HAS_PROBED, values).scalar():
        return ProbeTurn(is_good=True)
    return ProbeTurn(is_mine=conn.execute(_TAKE_TURN, values).first() is not None)


def give_back_probe(conn: Connection, *, client_id: str) -> None:
    """End the caller's turn to probe, and record no result of a probe."""
    conn.execute(_GIVE_BACK, {"client": client_id})
