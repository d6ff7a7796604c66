"""Find the API token of a request, and record its last use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, not_, select, true, update

from crawljobs.db.tables import api_tokens as table
from crawljobs.domain.api_token import Token
from crawljobs.repository.operations import api_tokens
from crawljobs.repository.sql import NOW, inline_interval

# Last_used_at is written at most once in this time; a write at each request would be slow.
USED_SECONDS = 60

_token = table.c

# True if last_used_at is old, or if it is in the future. A time in the future was written before
# the database's clock was set back.
_IS_USE_OLD = func.coalesce(
    not_(_token.last_used_at.between(NOW - inline_interval(f"{USED_SECONDS} seconds"), NOW)), true()
)

_FIND = select(*api_tokens.COLUMNS, _token.token_hash, _IS_USE_OLD.label("is_stale")).where(
    _token.id == bindparam("token_id")
)

_MARK_USED = (
    update(table).where(_token.id == bindparam("token_id"), _IS_USE_OLD).values(last_used_at=NOW)
)


@dataclass(frozen=True)
class StoredToken:
    """A token with its hash, for authentication."""

    token: Token
    token_hash: bytes
    is_stale: bool  # true if last_used_at must be written again


def find(conn: Connection, *, token_id: str, now: datetime | None = None) -> StoredToken | None:
    """Return the token with this id, even if expired or revoked, or None for an unknown id."""
    row = conn.execute(_FIND, {"token_id": token_id, "now": now}).first()
    return (
        None if row is None else StoredToken(api_tokens.to_token(row), row.token_hash, row.is_stale)
    )


def mark_used(conn: Connection, *, token_id: str, now: datetime | None = None) -> None:
    """Set last_used_at to now, unless it was set within the last USED_SECONDS."""
    conn.execute(_MARK_USED, {"token_id": token_id, "now": now})
