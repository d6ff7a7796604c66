"""Decide which worker requests a new OAuth token for a Reddit client id.

Only one worker at a time has the turn. A worker takes the turn if the stored token is unusable. The
turn expires, so that a worker that dies during its turn stops the other workers only for a short
time. No transaction is open during the request to Reddit.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Boolean,
    Connection,
    Double,
    Text,
    and_,
    bindparam,
    case,
    func,
    null,
    or_,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import reddit_tokens
from crawljobs.repository.sql import CLOCK, NOW, inline_number, interval_of, seconds

_token = reddit_tokens.c
_OF_CLIENT = _token.client_id == bindparam("client")

_new = insert(reddit_tokens).excluded
_TAKE_TURN = (
    insert(reddit_tokens)
    .values(
        client_id=bindparam("client"),
        refreshing_until=NOW + interval_of(bindparam("turn_seconds", type_=Double)),
    )
    .on_conflict_do_update(
        index_elements=[_token.client_id],
        set_={"refreshing_until": _new.refreshing_until},
        where=and_(
            func.coalesce(_token.refreshing_until <= NOW, true()),
            func.coalesce(_token.ask_again_at <= NOW, true()),
            or_(
                _token.access_token.is_(None),
                _token.access_token == bindparam("refused", type_=Text),
                _token.expires_at <= NOW + interval_of(bindparam("early_seconds", type_=Double)),
            ),
        ),
    )
    .returning(_token.client_id)
)

_is_throttled = bindparam("throttled", type_=Boolean)
_first = bindparam("first", type_=Double)
_doubled = _first * func.power(inline_number(2), _token.throttles_in_a_row)
_POSTPONE = (
    update(reddit_tokens)
    .where(_OF_CLIENT)
    .values(
        refreshing_until=null(),
        ask_again_at=CLOCK.c.now
        + interval_of(
            case(
                (_is_throttled, func.least(bindparam("longest", type_=Double), _doubled)),
                else_=_first,
            )
        ),
        throttles_in_a_row=case(
            (
                _is_throttled,
                func.least(_token.throttles_in_a_row + inline_number(1), inline_number(30)),
            ),
            else_=inline_number(0),
        ),
    )
    .returning(seconds(_token.ask_again_at - CLOCK.c.now))
)


def take_turn(
    conn: Connection,
    *,
    client_id: str,
    refused: str | None,
    early_seconds: float,
    turn_seconds: float,
    now: datetime | None = None,
) -> bool:
    """Take the turn to request a new token, and return whether the caller has the turn.

    The result is false if another worker has the turn or has just stored a new token. `refused` is
    a token that Reddit refused. A token that expires within `early_seconds` is treated as expired.
    """
    values = {
        "client": client_id,
        "refused": refused,
        "early_seconds": early_seconds,
        "turn_seconds": turn_seconds,
        "now": now,
    }
    return conn.execute(_TAKE_TURN, values).first() is not None


def postpone(
    conn: Connection,
    *,
    client_id: str,
    throttled: bool,
    first: float,
    longest: float,
    now: datetime | None = None,
) -> float:
    """End the turn, and return the seconds until a worker may request a token again.

    The wait is `first` seconds. `throttled` is true if Reddit replied with status 429. Then the
    wait doubles with each 429 in a row, up to `longest` seconds.
    """
    values = {
        "client": client_id,
        "throttled": throttled,
        "first": first,
        "longest": longest,
        "now": now,
    }
    return float(max(0.0, conn.execute(_POSTPONE, values).scalar_one()))
