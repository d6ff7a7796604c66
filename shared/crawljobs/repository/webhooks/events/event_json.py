"""The data of an event, composed in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs.repository.sql import inline


def json_object(**fields: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a JSON object with these fields."""
    pairs = [part for name, value in fields.items() for part in (inline(name), value)]
    return func.jsonb_build_object(*pairs, type_=JSONB)


def json_time(time: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the time as RFC 3339 text in UTC, with microseconds, for any session time zone."""
    form = inline('YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    return func.to_char(func.timezone(inline("UTC"), time), form, type_=Text)
