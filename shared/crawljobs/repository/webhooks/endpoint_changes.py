"""Create, change, enable, disable and delete the endpoints of webhooks.

Before each function except `create`, the caller must lock the endpoint (`endpoint_rows.lock`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, null, select, update

from crawljobs.db.tables import webhook_endpoints
from crawljobs.domain.webhook import DisabledReason, Endpoint, EndpointFilter, EndpointState
from crawljobs.repository.sql import NOW, inline, interval, texts
from crawljobs.repository.webhooks.endpoint_rows import COLUMNS, HAS_ID, to_endpoint

_endpoint = webhook_endpoints.c

_LOCK_NUMBER = select(func.pg_advisory_xact_lock(func.hashtext(inline("crawljobs webhooks"))))
_COUNT = select(func.count()).select_from(webhook_endpoints)

_SPEC = {
    "url": bindparam("new_url"),
    "description": bindparam("new_description"),
    "events": texts("new_events"),
    "filter_group_id": bindparam("new_group_id"),
    "filter_source": bindparam("new_source"),
    "filter_subreddit": bindparam("new_subreddit"),
}
_CREATE = (
    insert(webhook_endpoints)
    .values(**_SPEC, created_by=bindparam("new_created_by"), created_at=NOW, updated_at=NOW)
    .returning(*COLUMNS)
)
_CHANGED: dict[str, Any] = {"updated_at": NOW, "version": _endpoint.version + 1}
_CHANGE = update(webhook_endpoints).where(HAS_ID).values(**_SPEC, **_CHANGED).returning(*COLUMNS)
_NO_FAILURES = {"first_failure_at": null(), "last_failure_at": null()}
_ENABLE = (
    update(webhook_endpoints)
    .where(and_(HAS_ID, _endpoint.state == inline(EndpointState.DISABLED)))
    .values(
        state=inline(EndpointState.ENABLED),
        disabled_reason=null(),
        disabled_detail=null(),
        disabled_at=null(),
        **_NO_FAILURES,
        **_CHANGED,
    )
    .returning(*COLUMNS)
)
_DISABLE = (
    update(webhook_endpoints)
    .where(HAS_ID)
    .values(
        state=inline(EndpointState.DISABLED),
        disabled_reason=bindparam("new_reason"),
        disabled_detail=bindparam("new_detail"),
        disabled_at=NOW,
        **_CHANGED,
    )
    .returning(*COLUMNS)
)
_ROTATE = (
    update(webhook_endpoints)
    .where(HAS_ID)
    .values(
        secret_version=_endpoint.secret_version + 1,
        previous_secret_version=_endpoint.secret_version,
        previous_secret_until=NOW + interval("valid_for"),
        **_CHANGED,
    )
    .returning(*COLUMNS)
)
_DELETE = delete(webhook_endpoints).where(HAS_ID)


@dataclass(frozen=True)
class EndpointSpec:
    """The fields of an endpoint that a request chooses."""

    url: str
    events: Sequence[str]
    description: str | None = None
    filter: EndpointFilter = EndpointFilter()  # noqa: RUF009 # the class is frozen


def create(
    conn: Connection,
    *,
    spec: EndpointSpec,
    created_by: str,
    at_most: int,
    now: datetime | None = None,
) -> Endpoint | None:
    """Insert and return an endpoint. Return None if there are `at_most` endpoints already.

    Takes a lock. Otherwise two transactions at the same time could exceed the limit.
    """
    conn.execute(_LOCK_NUMBER)
    if conn.execute(_COUNT).scalar_one() >= at_most:
        return None
    values = {**_values(spec), "new_created_by": created_by, "now": now}
    return to_endpoint(conn.execute(_CREATE, values).one())


def change(
    conn: Connection, *, endpoint_id: int, spec: EndpointSpec, now: datetime | None = None
) -> Endpoint:
    """Set the fields of the endpoint, and return it."""
    values = {**_values(spec), "endpoint_id": endpoint_id, "now": now}
    return to_endpoint(conn.execute(_CHANGE, values).one())


def enable(conn: Connection, *, endpoint_id: int, now: datetime | None = None) -> Endpoint | None:
    """Enable the endpoint and return it, or return None if it is enabled already."""
    row = conn.execute(_ENABLE, {"endpoint_id": endpoint_id, "now": now}).first()
    return None if row is None else to_endpoint(row)


def disable(
    conn: Connection,
    *,
    endpoint_id: int,
    reason: DisabledReason,
    detail: str | None = None,
    now: datetime | None = None,
) -> Endpoint:
    """Disable the endpoint for this reason and return it."""
    values = {"endpoint_id": endpoint_id, "new_reason": reason, "new_detail": detail, "now": now}
    return to_endpoint(conn.execute(_DISABLE, values).one())


def rotate_secret(
    conn: Connection, *, endpoint_id: int, valid_for: timedelta, now: datetime | None = None
) -> Endpoint:
    """Add 1 to the version of the secret, and return the endpoint.

    For the time `valid_for`, events are also signed with the former secret. A secret that is older
    than the former secret becomes invalid at once.
    """
    values = {"endpoint_id": endpoint_id, "valid_for": valid_for, "now": now}
    return to_endpoint(conn.execute(_ROTATE, values).one())


def remove(conn: Connection, *, endpoint_id: int) -> None:
    """Delete the endpoint. `delivery_holding.settle` drops its open deliveries."""
    conn.execute(_DELETE, {"endpoint_id": endpoint_id})


def _values(spec: EndpointSpec) -> dict[str, Any]:
    return {
        "new_url": spec.url,
        "new_description": spec.description,
        "new_events": list(spec.events),
        "new_group_id": spec.filter.group_id,
        "new_source": spec.filter.source,
        "new_subreddit": spec.filter.subreddit,
    }
