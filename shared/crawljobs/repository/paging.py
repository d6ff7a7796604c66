"""Compose a page of a list: read a limited part of an index, and filter the rows of this part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, Select, case, func, or_, select

from crawljobs.repository.sql import inline_number


@dataclass(frozen=True)
class Page:
    """The two parts of a statement that reads a page.

    `found` has the rows that match the filters. Its columns are id, place (the number of the row in
    the scan) and position (from which a next page can continue). `walk_end` has one row with the
    column position. If the scan stopped at `scan_limit` before the page was full, this column has
    the position of the last row that was read. Otherwise the column is null.
    """

    found: CTE
    walk_end: CTE


def page_of(
    walk: Select[Any],
    *,
    is_found: Callable[[FromClause], ColumnElement[bool]],
    position: Callable[[FromClause], ColumnElement[Any]],
    scan_limit: int,
    limit: ColumnElement[int],
) -> Page:
    """Return a page of the rows of `walk` for which `is_found` is true.

    `walk` selects at most `scan_limit` rows, in the order of the list. Its columns are id and the
    columns that `is_found` and `position` use. `limit` is the page's number of rows plus one,
    because the additional row shows that there is a next page.
    """
    walked = walk.subquery("scanned")
    numbered = select(walked, func.row_number().over().label("place")).subquery("numbered")
    is_last = numbered.c.place == inline_number(scan_limit)
    seen = (
        select(
            numbered.c.id,
            numbered.c.place,
            is_found(numbered).label("is_found"),
            position(numbered).label("position"),
        )
        .where(or_(is_found(numbered), is_last))
        .limit(limit)
        .cte("seen")
        .prefix_with("MATERIALIZED")
    )
    found = select(seen.c.id, seen.c.place, seen.c.position).where(seen.c.is_found).cte("found")
    count = select(func.count()).select_from(found).scalar_subquery()
    last = (
        select(seen.c.position).where(seen.c.place == inline_number(scan_limit)).scalar_subquery()
    )
    return Page(found, select(case((count < limit, last)).label("position")).cte("walk_end"))
