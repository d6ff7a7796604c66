"""Store API tokens that operators create. Only the hash of a token is stored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Text,
    and_,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from crawljobs.db import tables
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain import names
from crawljobs.domain.api_token import Scope, Token
from crawljobs.repository.sql import NOW, inline, row_version

_tokens = tables.api_tokens
_token = _tokens.c

_IS_LIVE = and_(
    _token.revoked_at.is_(None), or_(_token.expires_at.is_(None), _token.expires_at > NOW)
)
# The columns that `to_token` reads.
COLUMNS = (
    *(_token[name] for name in Token.__dataclass_fields__ if name in _token),
    _IS_LIVE.label("live"),
    row_version(_tokens),
)

_LOCK_NAME = select(
    func.pg_advisory_xact_lock(
        func.hashtext(literal("crawljobs token ").concat(bindparam("name_key", type_=Text)))
    )
)

# The SQL form of `domain.names.key`. Both forms give the same key for every name that a token may
# have.
_name_key = func.lower(
    func.btrim(func.regexp_replace(_token.name, inline(" +"), inline(" "), inline("g")))
)
_LIVE_OF_NAME = (
    select(_token.id)
    .where(_name_key == bindparam("name_key", type_=Text), _IS_LIVE)
    .order_by(_token.id)
    .limit(bindparam("at_most"))
)

_IS_PAST = select(bindparam("at", type_=Timestamp) <= NOW)

_CREATE = (
    insert(_tokens)
    .values(
        id=bindparam("id"),
        name=bindparam("name"),
        token_hash=bindparam("token_hash"),
        scopes=bindparam("scopes"),
        created_at=NOW,
        created_by=bindparam("created_by"),
        expires_at=bindparam("expires_at"),
        created_by_id=bindparam("created_by_id"),
    )
    .returning(*COLUMNS)
)

_LOCK = select(*COLUMNS).where(_token.id == bindparam("token_id")).with_for_update()

_REVOKE = (
    update(_tokens)
    .where(_token.id == bindparam("token_id"), _token.revoked_at.is_(None))
    .values(revoked_at=NOW, revoked_by=bindparam("revoked_by"))
    .returning(*COLUMNS)
)

_FIRST_PAGE = select(*COLUMNS).order_by(_token.name, _token.id).limit(bindparam("at_most"))
_NEXT_PAGE = _FIRST_PAGE.where(
    tuple_(_token.name, _token.id)
    > tuple_(bindparam("after_name", type_=Text), bindparam("after_id", type_=Text))
)


def live_of_name(
    conn: Connection, *, name: str, at_most: int, now: datetime | None = None
) -> list[str]:
    """Return at most `at_most` ids of tokens with this name, without expired and revoked tokens.

    Takes a lock until the present transaction ends. During this time, no other transaction can
    create a token with this name.
    """
    values = {"name_key": names.key(name), "at_most": at_most, "now": now}
    conn.execute(_LOCK_NAME, values)
    return [*conn.execute(_LIVE_OF_NAME, values).scalars()]


def is_past(conn: Connection, *, at: datetime, now: datetime | None = None) -> bool:
    """Return whether `at` is past. Uses the database's clock, by which tokens also expire."""
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
    return to_token(conn.execute(_CREATE, values).one())


def lock(conn: Connection, *, token_id: str, now: datetime | None = None) -> Token | None:
    """Lock the token until the transaction ends. Returns it, or None if it does not exist."""
    row = conn.execute(_LOCK, {"token_id": token_id, "now": now}).first()
    return None if row is None else to_token(row)


def revoke(
    conn: Connection, *, token_id: str, revoked_by: str, now: datetime | None = None
) -> Token | None:
    """Revoke and return the token, or return None if it is already revoked or does not exist."""
    values = {"token_id": token_id, "revoked_by": revoked_by, "now": now}
    row = conn.execute(_REVOKE, values).first()
    return None if row is None else to_token(row)


def list_tokens(
    conn: Connection,
    *,
    after: tuple[str, str] | None = None,
    limit: int = 100,
    now: datetime | None = None,
) -> list[Token]:
    """Return at most `limit` tokens, ordered by name and id. Includes expired and revoked tokens.

    `after` is the (name, id) of the last token of the previous page.
    """
    values: dict[str, Any] = {"at_most": limit, "now": now}
    statement = _FIRST_PAGE
    if after is not None:
        statement = _NEXT_PAGE
        values["after_name"], values["after_id"] = after
    return [to_token(row) for row in conn.execute(statement, values)]


def to_token(row: Any) -> Token:
    """Return the token from a row with the columns in COLUMNS."""
    values = {name: row._mapping[name] for name in Token.__dataclass_fields__}
    return Token(**{**values, "scopes": frozenset(row.scopes)})
