"""Write and list the audit log. The transaction that makes a change also writes its audit entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Text, bindparam, cast, column, func, insert, select
from sqlalchemy.dialects.postgresql import INET, JSONB

from crawljobs.db import after_commit, tables
from crawljobs.domain.actor import Actor
from crawljobs.repository import paging
from crawljobs.repository.operations import audit_entry
from crawljobs.repository.operations.audit_entry import AuditEntry
from crawljobs.repository.operations.audit_page import REFUSED, page_statement
from crawljobs.runtime import metrics

__all__ = [
    "REFUSED",
    "AuditEntry",
    "AuditFilter",
    "AuditPage",
    "Change",
    "list_entries",
    "record",
    "record_many",
]

SCAN_LIMIT = 10_000  # limit of the entries that the statement of one page checks


@dataclass(frozen=True)
class Change:
    """One change for the audit log: the id of the resource, and its values before and after."""

    resource_id: int | str | None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class AuditFilter:
    """The filters for a list of audit entries. A field that is None does not filter.

    `since` is inclusive, and `until` is exclusive. `changes_only` leaves out refused requests.
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
    """One page of entries. Pass `next` as `before_id` for the next page. None: no page follows."""

    entries: list[AuditEntry]
    next: int | None


_changes = (
    func.jsonb_to_recordset(bindparam("changes", type_=JSONB))
    .table_valued(column("resource_id", Text), column("before", JSONB), column("after", JSONB))
    .render_derived(name="change", with_types=True)
)
_RECORD = insert(tables.admin_audit_log).from_select(
    [
        "actor",
        "action",
        "resource_type",
        "resource_id",
        "before",
        "after",
        "request_id",
        "peer_address",
        "client_address",
        "token_id",
    ],
    select(
        bindparam("actor", type_=Text),
        bindparam("action", type_=Text),
        bindparam("resource_type", type_=Text),
        _changes.c.resource_id,
        _changes.c.before,
        _changes.c.after,
        bindparam("request_id", type_=Text),
        cast(bindparam("peer_address", type_=Text), INET),
        cast(bindparam("client_address", type_=Text), INET),
        bindparam("token_id", type_=Text),
    ),
)


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
    """Write one audit row in the transaction of the change, so that both commit or neither does."""
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
    """Write a row for each change, in one statement. After the commit, a metric counts the rows."""
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
            "changes": rows,
        },
    )
    after_commit.register(conn, partial(metrics.audit_rows.labels(action).inc, len(rows)))


def list_entries(
    conn: Connection,
    *,
    filters: AuditFilter | None = None,
    before_id: int | None = None,
    limit: int = 100,
    scan_limit: int | None = None,
) -> AuditPage:
    """Return a page of at most `limit` entries that match the filters, the newest first.

    A page with fewer entries can have a next page, because a page checks at most `scan_limit`
    entries.
    """
    given = {name: value for name, value in vars(filters or AuditFilter()).items() if value}
    statement = page_statement(
        tuple(given), before_id is not None, limit + 1, scan_limit or SCAN_LIMIT
    )
    rows = conn.execute(statement, {**given, "before_id": before_id}).all()
    found, following = paging.cut(rows, limit=limit)
    return AuditPage([audit_entry.from_row(row) for row in found], following)
