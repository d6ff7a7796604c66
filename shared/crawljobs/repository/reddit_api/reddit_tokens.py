"""The OAuth token of one Reddit client id, one row shared by every worker.

Whoever finds it unusable takes the turn to ask for a new one: the turn ends by itself, so that a
worker that dies with it stops nobody for long. No transaction is held while Reddit is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.repository.queue import parked_jobs

_NOW = "coalesce(CAST(:now AS timestamptz), clock_timestamp())"

_LOOK = text(f"""
    SELECT access_token,
        CAST(extract(epoch FROM expires_at - {_NOW}) AS float8) AS lives,
        CAST(extract(epoch FROM ask_again_at - {_NOW}) AS float8) AS ask_again_in,
        throttles_in_a_row > 0 AS throttled
    FROM reddit_tokens WHERE client_id = :client_id
    """)

_TAKE_TURN = text(f"""
    INSERT INTO reddit_tokens AS stored (client_id, refreshing_until)
    SELECT :client_id, now + make_interval(secs => :turn_seconds) FROM {_NOW} AS now
    ON CONFLICT (client_id) DO UPDATE SET refreshing_until = excluded.refreshing_until
        WHERE coalesce(stored.refreshing_until <= {_NOW}, true)
            AND coalesce(stored.ask_again_at <= {_NOW}, true)
            AND (stored.access_token IS NULL OR stored.access_token = CAST(:refused AS text)
                OR stored.expires_at <= {_NOW} + make_interval(secs => :early_seconds))
    RETURNING client_id
    """)

_KEEP = text(f"""
    UPDATE reddit_tokens SET
        access_token = :token, expires_at = {_NOW} + make_interval(secs => :lives),
        refreshing_until = NULL, ask_again_at = NULL, throttles_in_a_row = 0
    WHERE client_id = :client_id
    """)

_FORGET = text("""
    UPDATE reddit_tokens SET access_token = NULL, expires_at = NULL
    WHERE client_id = :client_id AND access_token = :token
    """)

_GIVE_BACK = text("UPDATE reddit_tokens SET refreshing_until = NULL WHERE client_id = :client_id")

_POSTPONE = text(f"""
    UPDATE reddit_tokens SET
        refreshing_until = NULL,
        ask_again_at = now + make_interval(secs => CASE WHEN :throttled
            THEN least(:longest, :first * 2.0 ^ throttles_in_a_row) ELSE :first END),
        throttles_in_a_row = CASE WHEN :throttled THEN least(throttles_in_a_row + 1, 30) ELSE 0 END
    FROM {_NOW} AS now
    WHERE client_id = :client_id
    RETURNING CAST(extract(epoch FROM ask_again_at - now) AS float8)
    """)


@dataclass(frozen=True)
class StoredToken:
    """`token` lives so many seconds more; nobody may ask for another for `ask_again_in`."""

    token: str | None
    lives: float
    ask_again_in: float
    throttled: bool

    def __repr__(self) -> str:
        """Without the token: whoever holds it is us."""
        return f"StoredToken(lives={self.lives:.0f}, ask_again_in={self.ask_again_in:.0f})"


def look(conn: Connection, *, client_id: str, now: datetime | None = None) -> StoredToken:
    row = conn.execute(_LOOK, {"client_id": client_id, "now": now}).first()
    if row is None:
        return StoredToken(None, 0.0, 0.0, throttled=False)
    return StoredToken(
        token=row.access_token,
        lives=row.lives or 0.0,
        ask_again_in=max(0.0, row.ask_again_in or 0.0),
        throttled=row.throttled,
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
    """Whether the caller is the one to ask for a new token now; `refused` is one that is of no
    use. False too when somebody else just got a new one.
    """
    values = {
        "client_id": client_id,
        "refused": refused,
        "early_seconds": early_seconds,
        "turn_seconds": turn_seconds,
        "now": now,
    }
    return conn.execute(_TAKE_TURN, values).first() is not None


def keep(
    conn: Connection, *, client_id: str, token: str, lives: float, now: datetime | None = None
) -> None:
    """The new token, for everybody; ends the turn, and the wait of jobs that needed a token."""
    conn.execute(_KEEP, {"client_id": client_id, "token": token, "lives": lives, "now": now})
    parked_jobs.free_from_reddit(conn, now=now)


def forget(conn: Connection, *, client_id: str, token: str) -> None:
    """Reddit refuses this token: nobody uses it any more."""
    conn.execute(_FORGET, {"client_id": client_id, "token": token})


def give_back(conn: Connection, *, client_id: str) -> None:
    """End the turn without a token: somebody else may try at once."""
    conn.execute(_GIVE_BACK, {"client_id": client_id})


def postpone(
    conn: Connection,
    *,
    client_id: str,
    throttled: bool,
    first: float,
    longest: float,
    now: datetime | None = None,
) -> float:
    """End the turn; nobody asks for so many seconds, twice as many after each 429 in a row."""
    values = {
        "client_id": client_id,
        "throttled": throttled,
        "first": first,
        "longest": longest,
        "now": now,
    }
    return float(max(0.0, conn.execute(_POSTPONE, values).scalar_one()))
