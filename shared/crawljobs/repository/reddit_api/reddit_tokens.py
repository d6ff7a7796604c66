"""The OAuth token of a Reddit client id: one row, shared by all workers.

A worker that finds the token unusable takes the turn to request a new one. The turn expires, so a
worker that dies during its turn stops the others only for a short time. No transaction is open
during the request to Reddit.
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
    """The stored token, and when a worker may request a new one."""

    token: str | None
    lives: float  # seconds until the token expires
    ask_again_in: float  # seconds until a new token may be requested
    throttled: bool

    def __repr__(self) -> str:
        """Return the fields without the token, which is a secret."""
        return f"StoredToken(lives={self.lives:.0f}, ask_again_in={self.ask_again_in:.0f})"


def read_token(conn: Connection, *, client_id: str, now: datetime | None = None) -> StoredToken:
    """Return the stored token; its `token` is None if there is none."""
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
    """Take the turn to request a new token, and return whether the caller has the turn.

    `refused` is a token that Reddit refused. Returns false also if another worker has just stored a
    new token. A token that expires within `early_seconds` counts as expired.
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
    """Store the new token, end the turn, and queue the jobs that wait for Reddit.

    `lives` is the number of seconds until the token expires.
    """
    conn.execute(_KEEP, {"client_id": client_id, "token": token, "lives": lives, "now": now})
    parked_jobs.free_from_reddit(conn, now=now)


def forget(conn: Connection, *, client_id: str, token: str) -> None:
    """Delete this token, which Reddit refuses."""
    conn.execute(_FORGET, {"client_id": client_id, "token": token})


def give_back(conn: Connection, *, client_id: str) -> None:
    """End the turn without a token: another worker may take it at once."""
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
    """End the turn, and return the seconds until a worker may request a token again.

    This is `first`. With `throttled` (a 429) it doubles with each 429 in a row, up to `longest`.
    """
    values = {
        "client_id": client_id,
        "throttled": throttled,
        "first": first,
        "longest": longest,
        "now": now,
    }
    return float(max(0.0, conn.execute(_POSTPONE, values).scalar_one()))
