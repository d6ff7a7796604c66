"""Compose the statement that reads one page of the audit log."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    func,
    select,
    true,
)

from crawljobs.db import tables
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository import paging
from crawljobs.repository.operations import audit_entry
from crawljobs.repository.sql import ONE_ROW, inline, inline_interval, inline_number

REFUSED = "refused"  # the action in an entry for a request that was not allowed

_log = tables.admin_audit_log
_earliest = _log.alias("earliest")
_SINCE, _UNTIL = bindparam("since", type_=Timestamp), bindparam("until", type_=Timestamp)


def _equals(name: str) -> Callable[[FromClause], ColumnElement[bool]]:
    return lambda log: log.c[name] == bindparam(name, type_=Text)


_EQUAL = ("actor", "action", "resource_type", "resource_id", "request_id", "token_id")
_CONDITIONS: dict[str, Callable[[FromClause], ColumnElement[bool]]] = {
    **{name: _equals(name) for name in _EQUAL},
    "changes_only": lambda log: log.c.action != inline(REFUSED),
    "since": lambda log: log.c.at >= _SINCE,
    "until": lambda log: log.c.at < _UNTIL,
}
_READ = ("id", "at", *_EQUAL)  # the columns that a page's filters compare


def _first_id_at(time: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the id of the first entry at this time or later, or 2^63 - 1 if there is none."""
    first = select(_earliest.c.id).where(_earliest.c.at >= time)
    first = first.order_by(_earliest.c.at, _earliest.c.id).limit(ONE_ROW)
    return func.coalesce(first.scalar_subquery(), inline_number(2**63 - 1))


# Ids usually increase with time, so a filter on the time also limits the ids that the page reads.
# But concurrent INSERT statements may get ids and times in different orders, with times up to 30 s
# apart (the statement_timeout of the services). So the range of ids has a margin of 1 minute.
_MARGIN = inline_interval("1 minute")
_ID_RANGES = {
    "since": _log.c.id >= _first_id_at(_SINCE - _MARGIN),
    "until": _log.c.id < _first_id_at(_UNTIL + _MARGIN),
}
# The columns of each index of the audit log, without the id, which is the last column. A page reads
# the first index in this list whose columns all have a filter.
_WALKS = (("request_id",), ("resource_type", "resource_id"), ("actor",), ("action",))


@lru_cache(maxsize=512)
def page_statement(
    given: tuple[str, ...], continues: bool, limit: int, scan_limit: int
) -> Select[Any]:
    """Return the statement that reads a page of entries, for the filters named in `given`.

    Each set of filters has its own statement, because Postgres could not use an index for a filter
    that may be absent. With `continues`, the page has only entries whose ids are below `before_id`.
    """
    walked: tuple[str, ...] = next(
        (names for names in _WALKS if all(name in given for name in names)), ()
    )
    if walked == ("resource_type", "resource_id") and "changes_only" in given:
        walked = (*walked, "changes_only")  # selects the index that has no refused requests
    ranges = [_CONDITIONS[name](_log) for name in walked]
    ranges += [_ID_RANGES[name] for name in _ID_RANGES if name in given]
    if continues:
        ranges.append(_log.c.id < bindparam("before_id"))
    rest = [name for name in given if name not in walked]
    entries = select(*(_log.c[name] for name in _READ)).where(*ranges)
    if walked == ("request_id",):
        # A filter on the id of an API request matches few audit entries. OFFSET 0 makes the planner
        # find them by request_id. Otherwise the planner could scan all entries in the order of ids.
        entries = entries.offset(inline_number(0))
    return paging.newest_first(
        entries,
        is_found=lambda row: and_(true(), *(_CONDITIONS[name](row) for name in rest)),
        columns=audit_entry.COLUMNS,
        key=_log.c.id,
        scan_limit=scan_limit,
        limit=limit,
    )
