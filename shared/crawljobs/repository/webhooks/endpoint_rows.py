"""Read and lock the endpoints of webhooks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, select

from crawljobs.db.tables import webhook_endpoints
from crawljobs.domain.job import JobSource
from crawljobs.domain.webhook import DisabledReason, Endpoint, EndpointFilter, EndpointState

_endpoint = webhook_endpoints.c
COLUMNS = tuple(webhook_endpoints.c)
HAS_ID = _endpoint.id == bindparam("endpoint_id")

_GET = select(*COLUMNS).where(HAS_ID)
_LOCK = _GET.with_for_update(key_share=True)
_FIRST_PAGE = select(*COLUMNS).order_by(_endpoint.id).limit(bindparam("at_most"))
_NEXT_PAGE = _FIRST_PAGE.where(_endpoint.id > bindparam("after_id"))


def get(conn: Connection, *, endpoint_id: int) -> Endpoint | None:
    """Return the endpoint, or None if it does not exist."""
    row = conn.execute(_GET, {"endpoint_id": endpoint_id}).first()
    return None if row is None else to_endpoint(row)


def lock(conn: Connection, *, endpoint_id: int) -> Endpoint | None:
    """Lock the endpoint until the transaction ends. Return it, or None if it does not exist."""
    row = conn.execute(_LOCK, {"endpoint_id": endpoint_id}).first()
    return None if row is None else to_endpoint(row)


def list_endpoints(
    conn: Connection, *, after_id: int | None = None, limit: int = 100
) -> list[Endpoint]:
    """Return at most `limit` endpoints with greater ids than `after_id`, the oldest first."""
    statement = _FIRST_PAGE if after_id is None else _NEXT_PAGE
    rows = conn.execute(statement, {"after_id": after_id, "at_most": limit})
    return [to_endpoint(row) for row in rows]


def to_endpoint(row: Any) -> Endpoint:
    """Return the endpoint from a row with the columns in COLUMNS."""
    values = dict(row._mapping)
    source = values.pop("filter_source")
    reason = values.pop("disabled_reason")
    return Endpoint(
        filter=EndpointFilter(
            group_id=values.pop("filter_group_id"),
            source=None if source is None else JobSource(source),
            subreddit=values.pop("filter_subreddit"),
        ),
        disabled_reason=None if reason is None else DisabledReason(reason),
        **{**values, "state": EndpointState(values["state"])},
    )
