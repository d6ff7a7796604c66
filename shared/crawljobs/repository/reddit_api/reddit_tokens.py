"""Store the OAuth token of a Reddit client id, in one row that all workers share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Connection,
    Double,
    Text,
    bindparam,
    null,
    select,
    update,
)

from crawljobs.db.tables import reddit_budgets, reddit_tokens
from crawljobs.repository.queue import parked_jobs
from crawljobs.repository.sql import NOW, inline_number, interval_of, seconds

_token = reddit_tokens.c
_OF_CLIENT = _token.client_id == bindparam("client")
_ACCESS_TOKEN = bindparam("token", type_=Text)

_FIND = select(
    _token.access_token,
    seconds(_token.expires_at - NOW).label("lives"),
    seconds(_token.ask_again_at - NOW).label("ask_again_in"),
    (_token.throttles_in_a_row > inline_number(0)).label("throttled"),
).where(_OF_CLIENT)

_KEEP = (
    update(reddit_tokens)
    .where(_OF_CLIENT)
    .values(
        access_token=_ACCESS_TOKEN,
        expires_at=NOW + interval_of(bindparam("lives", type_=Double)),
        refreshing_until=null(),
        ask_again_at=null(),
        throttles_in_a_row=inline_number(0),
    )
)

_END_WAITS = (
    update(reddit_budgets)
    .where(reddit_budgets.c.client_id == bindparam("client"))
    .values(waits_ended_at=NOW)
)

_FORGET = (
    update(reddit_tokens)
    .where(_OF_CLIENT, _token.access_token == _ACCESS_TOKEN)
    .values(access_token=null(), expires_at=null())
)


@dataclass(frozen=True)
class StoredToken:
    """The stored OAuth token, and the time until a worker may request a new token."""

    token: str | None
    lives: float  # seconds until the token expires
    ask_again_in: float  # seconds until a new token may be requested
    throttled: bool

    def __repr__(self) -> str:
        """Return the fields without the token, which is a secret."""
        return f"StoredToken(lives={self.lives:.0f}, ask_again_in={self.ask_again_in:.0f})"


def read_token(conn: Connection, *, client_id: str, now: datetime | None = None) -> StoredToken:
    """Return the stored token. Its field `token` is None if no token is stored."""
    row = conn.execute(_FIND, {"client": client_id, "now": now}).first()
    if row is None:
        return StoredToken(None, 0.0, 0.0, throttled=False)
    return StoredToken(
        token=row.access_token,
        lives=row.lives or 0.0,
        ask_again_in=max(0.0, row.ask_again_in or 0.0),
        throttled=row.throttled,
    )


def keep(
    conn: Connection, *, client_id: str, token: str, lives: float, now: datetime | None = None
) -> None:
    """Store the new token, end the turn to request it, and queue the jobs that wait for Reddit.

    `lives` is the number of seconds until the token expires.
    """
    # Locks the budget's row before the token's row, as a transaction that pauses all workers does.
    # In the other order, this transaction and the pausing transaction could deadlock.
    conn.execute(_END_WAITS, {"client": client_id, "now": now})
    conn.execute(_KEEP, {"client": client_id, "token": token, "lives": lives, "now": now})
    parked_jobs.free_from_reddit(conn, now=now)


def forget(conn: Connection, *, client_id: str, token: str) -> None:
    """Delete `token`, because Reddit refuses it. A newer stored token is kept."""
    conn.execute(_FORGET, {"client": client_id, "token": token})
