"""Convert rows of the audit log to entries, including rows that another program has written."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, func

from crawljobs.db import tables
from crawljobs.repository.sql import inline_time

# JSON with more characters is not parsed. A CHECK constraint allows only 65,536 bytes, but rows
# that are older than the constraint may have more.
LONGEST_JSON = 200_000
DEEPEST_JSON = 50
LONGEST_NUMBER = 30  # limit in digits; a JSON number with more digits is shown as a string

# COLUMNS limits times to the range that a Python datetime can hold in every time zone. COLUMNS has
# JSON as text, because the driver's JSON reader would fail for two kinds of JSON: a number with
# thousands of digits, and arrays that are nested a thousand levels deep.
_log = tables.admin_audit_log.c
COLUMNS = (
    _log.id,
    func.least(
        func.greatest(_log.at, inline_time("0001-01-02T00:00:00Z")),
        inline_time("9999-12-30T00:00:00Z"),
    ).label("at"),
    _log.actor,
    _log.action,
    _log.resource_type,
    _log.resource_id,
    func.left(cast(_log.before, Text), LONGEST_JSON + 1).label("before"),
    func.left(cast(_log.after, Text), LONGEST_JSON + 1).label("after"),
    _log.request_id,
    func.host(_log.peer_address).label("peer_address"),
    func.host(_log.client_address).label("client_address"),
    _log.token_id,
    _log.db_role,
    cast(_log.transaction_id, Text).label("transaction_id"),
)


@dataclass(frozen=True)
class AuditEntry:
    """A change by an operator or process, with values before and after, or a refused request."""

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
    # None if the change was made with the bootstrap token or by a process, or if an earlier release
    # wrote the row.
    token_id: str | None = None
    db_role: str | None = None  # database role that wrote the row; None in rows of older releases
    transaction_id: str | None = None


def from_row(row: Any) -> AuditEntry:
    """Return the entry from a row with the columns COLUMNS. A notice replaces unreadable JSON."""
    values = {name: row._mapping[name] for name in AuditEntry.__dataclass_fields__}
    return AuditEntry(**{**values, "before": _object(row.before), "after": _object(row.after)})


def without_origin(entry: AuditEntry) -> AuditEntry:
    """Return the entry without request, addresses, token, role and transaction.

    Readers who may not read the audit log get this form of the entry.
    """
    return replace(
        entry,
        request_id=None,
        peer_address=None,
        client_address=None,
        token_id=None,
        db_role=None,
        transaction_id=None,
    )


def _object(written: str | None) -> dict[str, Any] | None:
    if written is None:
        return None
    if len(written) > LONGEST_JSON:
        return {"unreadable": f"more than {LONGEST_JSON:,} characters"}
    try:
        value = json.loads(written, parse_int=_number(int), parse_float=_number(_finite))
    except (ValueError, RecursionError):
        return {"unreadable": "a number or a nesting depth that the JSON reader does not support"}
    if _is_deep(value):
        return {"unreadable": f"more than {DEEPEST_JSON} levels deep"}
    return value if isinstance(value, dict) else {"value": value}


def _number(convert: Any) -> Any:
    def read(digits: str) -> Any:
        return convert(digits) if len(digits) <= LONGEST_NUMBER else digits

    return read


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(digits)
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST_JSON):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True
