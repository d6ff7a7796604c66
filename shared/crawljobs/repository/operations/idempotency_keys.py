"""Store responses by idempotency key. A response commits together with the request's changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Text, bindparam, func, insert, literal, select

from crawljobs.db import tables
from crawljobs.repository.sql import NOW

_stored = tables.idempotency_keys.c

# Takes an advisory lock on the key. A row lock is impossible, because the row of a key is inserted
# only at the end of the request. An INSERT of the same key by a second request would wait until the
# first request ends, but the second caller needs a result at once.
_TAKE = select(
    func.pg_try_advisory_xact_lock(
        func.hashtextextended(
            literal("crawljobs key ")
            .concat(bindparam("scope", type_=Text))
            .concat(" ")
            .concat(bindparam("key", type_=Text)),
            0,
        )
    )
)

_FIND = select(_stored.request_hash, _stored.status, _stored.headers, _stored.body).where(
    _stored.scope == bindparam("scope"), _stored.key == bindparam("key")
)

_STORE = insert(tables.idempotency_keys).values(
    scope=bindparam("scope"),
    key=bindparam("key"),
    request_hash=bindparam("request_hash"),
    status=bindparam("status"),
    headers=bindparam("headers"),
    body=bindparam("body"),
    created_at=NOW,
)


@dataclass(frozen=True)
class StoredAnswer:
    """A stored response. A body that contained a secret is not stored: `body` is None."""

    request_hash: bytes
    status: int
    headers: dict[str, str]
    body: str | None


def take(conn: Connection, *, scope: str, key: str) -> bool:
    """Lock the key until the transaction ends. Return false if it is already locked."""
    return bool(conn.execute(_TAKE, {"scope": scope, "key": key}).scalar_one())


def find(conn: Connection, *, scope: str, key: str) -> StoredAnswer | None:
    """Return the stored response of the key, or None if no response is stored."""
    row = conn.execute(_FIND, {"scope": scope, "key": key}).first()
    return None if row is None else StoredAnswer(**row._mapping)


def store(
    conn: Connection,
    *,
    scope: str,
    key: str,
    request_hash: bytes,
    status: int,
    headers: Mapping[str, str],
    body: str | None,
    now: datetime | None = None,
) -> None:
    """Store the response of a request in the request's transaction."""
    conn.execute(
        _STORE,
        {
            "scope": scope,
            "key": key,
            "request_hash": request_hash,
            "status": status,
            "headers": dict(headers),
            "body": body,
            "now": now,
        },
    )
