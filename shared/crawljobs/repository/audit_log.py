"""The audit log: written in the transaction of the change it records; never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from crawljobs.db.tables import admin_audit_log
from crawljobs.domain.actor import Actor


@dataclass(frozen=True)
class AuditEntry:
    """One administrative change; `before` and `after` are JSON objects."""

    id: int
    at: datetime
    actor: str
    action: str
    resource_type: str
    resource_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
    peer_address: str | None
    client_address: str | None


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
    """Write one row; the change it records commits with it or not at all."""
    conn.execute(
        insert(admin_audit_log).values(
            actor=actor.name,
            action=action,
            resource_type=resource_type,
            resource_id=None if resource_id is None else str(resource_id),
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
            request_id=actor.request_id,
            peer_address=actor.peer_address,
            client_address=actor.client_address,
        )
    )


def list_entries(
    conn: Connection,
    *,
    resource_type: str | None = None,
    resource_id: int | str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """The newest entries first, at most `limit`."""
    table = admin_audit_log
    query = select(*(table.c[name] for name in AuditEntry.__dataclass_fields__))
    if resource_type is not None:
        query = query.where(table.c.resource_type == resource_type)
    if resource_id is not None:
        query = query.where(table.c.resource_id == str(resource_id))
    if before_id is not None:
        query = query.where(table.c.id < before_id)
    rows = conn.execute(query.order_by(table.c.id.desc()).limit(limit))
    return [AuditEntry(**{**row._mapping, **_addresses(row)}) for row in rows]


def _addresses(row: Any) -> dict[str, str | None]:
    return {
        name: None if row._mapping[name] is None else str(row._mapping[name])
        for name in ("peer_address", "client_address")
    }
