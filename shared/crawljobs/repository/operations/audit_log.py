"""Write and list the audit log. An entry is written in the transaction of its change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Connection, TextClause, text

from crawljobs.db import after_commit
from crawljobs.domain.actor import Actor
from crawljobs.repository import paging
from crawljobs.repository.operations import audit_entry
from crawljobs.repository.operations.audit_entry import AuditEntry
from crawljobs.runtime import metrics

__all__ = ["AuditEntry", "AuditFilter", "AuditPage", "Change", "list_entries", "record"]

LOOK_AT = 10_000  # entries that one page checks at most


@dataclass(frozen=True)
class Change:
    """One change to record: its resource, and the resource before and after."""

    resource_id: int | str | None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class AuditFilter:
    """Filters of the list; None does not filter. `since` is inclusive, `until` is exclusive.

    `changes_only` leaves out refused requests.
    """

    actor: str | None = None
    action: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    request_id: str | None = None
    token_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    changes_only: bool = False


@dataclass(frozen=True)
class AuditPage:
    """One page. `next` is the `before_id` of the next page; None if there is no next page."""

    entries: list[AuditEntry]
    next: int | None


_RECORD = text("""
    INSERT INTO admin_audit_log (actor, action, resource_type, resource_id, before, after,
        request_id, peer_address, client_address, token_id)
    SELECT :actor, :action, :resource_type, resource_id, before, after, :request_id,
        CAST(:peer_address AS inet), CAST(:client_address AS inet),
        :token_id
    FROM jsonb_to_recordset(CAST(:changes AS jsonb))
        AS change (resource_id text, before jsonb, after jsonb)
    """)

REFUSED = "refused"  # the action of a request that was not allowed

_CONDITIONS = {
    "actor": "actor = :actor",
    "action": "action = :action",
    "resource_type": "resource_type = :resource_type",
    "resource_id": "resource_id = :resource_id",
    "request_id": "request_id = :request_id",
    "token_id": "token_id = :token_id",
    "changes_only": f"action <> '{REFUSED}'",
    "since": "at >= CAST(:since AS timestamptz)",
    "until": "at < CAST(:until AS timestamptz)",
}
# Ids grow with time, except for the duration of a transaction. So a range of times becomes a range
# of ids, with a margin of 1 minute.
_FIRST_ID_AT = """coalesce((
    SELECT id FROM admin_audit_log WHERE at >= CAST({at} AS timestamptz) {room}
    ORDER BY at, id LIMIT 1), {otherwise})"""
_ID_RANGES = {
    "since": "id >= "
    + _FIRST_ID_AT.format(at=":since", room="- interval '1 minute'", otherwise=2**63 - 1),
    "until": "id < "
    + _FIRST_ID_AT.format(at=":until", room="+ interval '1 minute'", otherwise=2**63 - 1),
}
# The columns of each index before the id. A page reads the first index whose columns all have a
# filter.
_WALKS = (("request_id",), ("resource_type", "resource_id"), ("actor",), ("action",))


def record(
    conn: Connection,
    *,
    actor: Actor,
    action: str,
    resource_type: str,
    resource_id: int | str | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write one audit row in the transaction of the change: both commit, or neither."""
    change = Change(resource_id, before, after)
    record_many(conn, actor=actor, action=action, resource_type=resource_type, changes=[change])


def record_many(
    conn: Connection,
    *,
    actor: Actor,
    action: str,
    resource_type: str,
    changes: Iterable[Change],
) -> None:
    """Write one audit row for each change, in one statement; counts them after the commit."""
    rows = [
        {
            "resource_id": None if change.resource_id is None else str(change.resource_id),
            "before": None if change.before is None else dict(change.before),
            "after": None if change.after is None else dict(change.after),
        }
        for change in changes
    ]
    if not rows:
        return
    conn.execute(
        _RECORD,
        {
            "actor": actor.name,
            "action": action,
            "resource_type": resource_type,
            "request_id": actor.request_id,
            "peer_address": actor.peer_address,
            "client_address": actor.client_address,
            "token_id": actor.token_id,
            "changes": json.dumps(rows),
        },
    )
    after_commit.register(conn, partial(metrics.audit_rows.labels(action).inc, len(rows)))


def list_entries(
    conn: Connection,
    *,
    filters: AuditFilter | None = None,
    before_id: int | None = None,
    limit: int = 100,
    look_at: int | None = None,
) -> AuditPage:
    """Return a page of at most `limit` entries that match the filters, the newest first.

    A page with fewer entries can still have a next page.
    """
    given = {name: value for name, value in vars(filters or AuditFilter()).items() if value}
    statement = _statement(tuple(given), before_id is not None, limit + 1, look_at or LOOK_AT)
    rows = conn.execute(statement, {**given, "before_id": before_id}).all()
    entries = [audit_entry.from_row(row) for row in rows if row.id is not None]
    if len(entries) > limit:
        return AuditPage(entries[:limit], entries[limit - 1].id)
    return AuditPage(entries, rows[0].walk_end)


@lru_cache(maxsize=512)
def _statement(given: tuple[str, ...], goes_on: bool, limit: int, look_at: int) -> TextClause:
    """Return the statement for the given filters; job_list explains why it is composed."""
    walked: tuple[str, ...] = next(
        (names for names in _WALKS if all(name in given for name in names)), ()
    )
    if walked == ("resource_type", "resource_id") and "changes_only" in given:
        walked = (*walked, "changes_only")  # a partial index has only changes
    ranges = [_CONDITIONS[name] for name in walked]
    ranges += [_ID_RANGES[name] for name in _ID_RANGES if name in given]
    if goes_on:
        ranges.append("id < :before_id")
    rest = [_CONDITIONS[name] for name in given if name not in walked]
    conditions = " AND ".join(rest) or "true"
    fence = "OFFSET 0" if walked == ("request_id",) else ""
    walk = f"""
        SELECT * FROM (
            SELECT * FROM admin_audit_log WHERE {" AND ".join(ranges) or "true"} {fence}
        ) AS walked ORDER BY id DESC LIMIT {look_at}"""
    page = paging.common_tables(
        walk, conditions=conditions, position="id", look_at=look_at, limit=str(limit)
    )
    return text(f"""{page}
    SELECT {audit_entry.COLUMNS}, walk_end.position AS walk_end
    FROM walk_end LEFT JOIN found ON true LEFT JOIN admin_audit_log AS log ON log.id = found.id
    ORDER BY found.place
    """)
