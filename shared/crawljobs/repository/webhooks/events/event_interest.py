"""Conditions that decide whether an endpoint wants a type of events, or one event."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, any_, exists, or_, select
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from crawljobs.db.tables import webhook_endpoints
from crawljobs.domain.webhook import DisabledReason, EventType
from crawljobs.repository.sql import inline

_endpoint = webhook_endpoints.c
# An endpoint that is disabled for its failures still gets events, which are held.
_GETS_EVENTS = _endpoint.disabled_reason.is_distinct_from(inline(DisabledReason.OPERATOR))


def wanted(kind: EventType) -> ColumnElement[bool]:
    """Return a subquery that is true if an endpoint wants events of this type.

    The subquery refers to no other table, so Postgres computes it at most once in a statement.
    """
    found = exists().where(inline(kind) == any_(_endpoint.events), _GETS_EVENTS)
    return select(found).scalar_subquery()


def wanted_sql(kind: EventType) -> str:
    """Return the subquery of `wanted` as SQL text, for statements that are text."""
    dialect = psycopg_dialect.dialect()  # type: ignore[no-untyped-call]
    return " ".join(str(wanted(kind).compile(dialect=dialect)).split())


def wanted_by_each(kind: EventType) -> ColumnElement[bool]:
    """Return a condition that is true if an endpoint without filters wants events of this type.

    The condition refers to no other table, so Postgres computes it at most once in a statement. If
    the condition is true, a statement with many events need not compare each event with the
    filters.
    """
    return exists().where(
        inline(kind) == any_(_endpoint.events),
        _GETS_EVENTS,
        _endpoint.filter_group_id.is_(None),
        _endpoint.filter_source.is_(None),
        _endpoint.filter_subreddit.is_(None),
    )


def fits(
    kind: ColumnElement[str],
    *,
    group_ids: ColumnElement[Any] | None = None,
    source: ColumnElement[str] | None = None,
    subreddit: ColumnElement[str] | None = None,
) -> ColumnElement[bool]:
    """Return a condition that is true if an endpoint wants an event with these values.

    `subreddit` is in lower case. A value that is None fits no filter. The deliverer applies the
    same filters when it makes the deliveries.
    """
    group, of_source, name = (
        _endpoint.filter_group_id,
        _endpoint.filter_source,
        _endpoint.filter_subreddit,
    )
    return exists().where(
        kind == any_(_endpoint.events),
        _GETS_EVENTS,
        group.is_(None) if group_ids is None else or_(group.is_(None), group == any_(group_ids)),
        of_source.is_(None) if source is None else or_(of_source.is_(None), of_source == source),
        name.is_(None) if subreddit is None else or_(name.is_(None), name == subreddit),
    )
