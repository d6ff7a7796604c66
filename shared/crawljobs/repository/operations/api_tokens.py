"""Store API tokens that operators create. Only the hash of a token is stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain import names
from crawljobs.domain.access import Scope, Token
from crawljobs.repository.queue.queue_sql import NOW

USED_SECONDS = 60  # last_used_at is written again after this time, not for each request

_IS_LIVE = f"(revoked_at IS NULL AND (expires_at IS NULL OR expires_at > {NOW}))"
_COLUMNS = f"""
    id, name, scopes, created_at, created_by, expires_at, revoked_at, revoked_by, last_used_at,
    created_by_id, {_IS_LIVE} AS live, CAST(CAST(xmin AS text) AS bigint) AS version"""

# A last_used_at in the future was written before the database's clock was set back.
_IS_USE_OLD = f"""coalesce(
        last_used_at NOT BETWEEN {NOW} - interval '{USED_SECONDS} seconds' AND {NOW}, true)"""

_FIND = text(f"""
    SELECT {_COLUMNS}, token_hash,
        {_IS_USE_OLD} AS is_stale
    FROM api_tokens WHERE id = :id
    """)

_USED = text(f"""
    UPDATE api_tokens SET last_used_at = {NOW}
    WHERE id = :id AND {_IS_USE_OLD}
    """)

_TURN = text("SELECT pg_advisory_xact_lock(hashtext('crawljobs token ' || :name_key))")

# The same as `domain.names.key`, for the characters that a token's name may have.
_NAME_KEY = "lower(btrim(regexp_replace(name, ' +', ' ', 'g')))"
_OF_NAME = text(f"""
    SELECT id FROM api_tokens WHERE {_NAME_KEY} = :name_key AND {_IS_LIVE}
    ORDER BY id LIMIT :at_most
    """)

_IS_PAST = text(f"SELECT CAST(:at AS timestamptz) <= {NOW}")

_CREATE = text(f"""
    INSERT INTO api_tokens (id, name, token_hash, scopes, created_at, created_by, expires_at,
        created_by_id)
    VALUES (:id, :name, :token_hash, CAST(:scopes AS text[]), {NOW}, :created_by,
        CAST(:expires_at AS timestamptz), :created_by_id)
    RETURNING {_COLUMNS}
    """)

_LOCK = text(f"SELECT {_COLUMNS} FROM api_tokens WHERE id = :id FOR UPDATE")

_REVOKE = text(f"""
    UPDATE api_tokens SET revoked_at = {NOW}, revoked_by = :revoked_by
    WHERE id = :id AND revoked_at IS NULL
    RETURNING {_COLUMNS}
    """)

_LIST = text(f"""
    SELECT {_COLUMNS} FROM api_tokens
    WHERE (CAST(:after_name AS text) IS NULL OR (name, id) > (:after_name, :after_id))
    ORDER BY name, id LIMIT :limit
    """)


@dataclass(frozen=True)
class StoredToken:
    """A token with its hash, for authentication."""

    token: Token
    token_hash: bytes
    is_stale: bool  # last_used_at must be written again


def find(conn: Connection, *, token_id: str, now: datetime | None = None) -> StoredToken | None:
    """Return the token with this id, also an expired or revoked one; None if there is none."""
    row = conn.execute(_FIND, {"id": token_id, "now": now}).first()
    return None if row is None else StoredToken(_token(row), row.token_hash, row.is_stale)


def mark_used(conn: Connection, *, token_id: str, now: datetime | None = None) -> None:
    """Set last_used_at to now, unless it was set within the last USED_SECONDS."""
    conn.execute(_USED, {"id": token_id, "now": now})


def live_of_name(
    conn: Connection, *, name: str, at_most: int, now: datetime | None = None
) -> list[str]:
    """Return at most `at_most` ids of live tokens with this name.

    Takes a lock: no other transaction creates a token of this name before this one ends.
    """
    values = {"name_key": names.key(name), "at_most": at_most, "now": now}
    conn.execute(_TURN, values)
    return [*conn.execute(_OF_NAME, values).scalars()]


def is_past(conn: Connection, *, at: datetime, now: datetime | None = None) -> bool:
    """Return whether `at` is in the past by the database's clock, which decides on expiry."""
    return bool(conn.execute(_IS_PAST, {"at": at, "now": now}).scalar_one())


def create(
    conn: Connection,
    *,
    token_id: str,
    token_hash: bytes,
    name: str,
    scopes: Iterable[Scope],
    created_by: str,
    expires_at: datetime | None,
    created_by_id: str | None = None,
    now: datetime | None = None,
) -> Token:
    """Insert a token and return it."""
    values = {
        "id": token_id,
        "token_hash": token_hash,
        "name": name,
        "scopes": sorted(scopes),
        "created_by": created_by,
        "expires_at": expires_at,
        "created_by_id": created_by_id,
        "now": now,
    }
    return _token(conn.execute(_CREATE, values).one())


def lock(conn: Connection, *, token_id: str, now: datetime | None = None) -> Token | None:
    """Lock the token until the transaction ends, and return it; None if there is none."""
    row = conn.execute(_LOCK, {"id": token_id, "now": now}).first()
    return None if row is None else _token(row)


def revoke(
    conn: Connection, *, token_id: str, revoked_by: str, now: datetime | None = None
) -> Token | None:
    """Revoke the token, and return it; None if it was already revoked or does not exist."""
    values = {"id": token_id, "revoked_by": revoked_by, "now": now}
    row = conn.execute(_REVOKE, values).first()
    return None if row is None else _token(row)


def list_tokens(
    conn: Connection,
    *,
    after: tuple[str, str] | None = None,
    limit: int = 100,
    now: datetime | None = None,
) -> list[Token]:
    """Return at most `limit` tokens, ordered by name and id, also expired and revoked ones.

    `after` is the (name, id) of the last token of the previous page.
    """
    name, token_id = after or (None, None)
    values = {"after_name": name, "after_id": token_id, "limit": limit, "now": now}
    return [_token(row) for row in conn.execute(_LIST, values)]


def _token(row: Any) -> Token:
    values = {name: row._mapping[name] for name in Token.__dataclass_fields__}
    return Token(**{**values, "scopes": frozenset(Scope(scope) for scope in row.scopes)})
