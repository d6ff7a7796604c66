"""Store responses by idempotency key; each commits together with the effect of its request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.repository.queue.queue_sql import NOW, passing_over

# An advisory lock and not the row: a second INSERT of the key would wait for the first transaction,
# where the caller needs an answer at once.
_TAKE = text("""
    SELECT pg_try_advisory_xact_lock(hashtextextended('crawljobs key ' || :scope || ' ' || :key, 0))
    """)

_FIND = text("""
    SELECT request_hash, status, headers, body FROM idempotency_keys
    WHERE scope = :scope AND key = :key
    """)

_STORE = text(f"""
    INSERT INTO idempotency_keys (scope, key, request_hash, status, headers, body, created_at)
    VALUES (:scope, :key, :request_hash, :status, CAST(:headers AS jsonb), :body, {NOW})
    """)

_PRUNE = text(f"""
    DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM idempotency_keys
        WHERE created_at < {NOW} - CAST(:retention AS interval)
        ORDER BY created_at LIMIT :at_most FOR UPDATE SKIP LOCKED
    ))
    """)


@dataclass(frozen=True)
class StoredAnswer:
    """A stored response. `body` is None if it had a secret and was not stored."""

    request_hash: bytes
    status: int
    headers: dict[str, str]
    body: str | None


def take(conn: Connection, *, scope: str, key: str) -> bool:
    """Lock the key until the transaction ends. Returns false if another transaction has it."""
    return bool(conn.execute(_TAKE, {"scope": scope, "key": key}).scalar_one())


def find(conn: Connection, *, scope: str, key: str) -> StoredAnswer | None:
    """Return the stored response of the key, or None."""
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
            "headers": json.dumps(dict(headers)),
            "body": body,
            "now": now,
        },
    )


def prune_keys(
    conn: Connection,
    *,
    retention: timedelta,
    at_most: int = 1_000,
    skip: int = 0,
    now: datetime | None = None,
) -> int:
    """Delete at most `at_most` responses older than `retention`. Returns how many."""
    values = {"retention": retention, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_PRUNE, skip), values).rowcount
