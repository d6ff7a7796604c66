"""Compose a page of a list: read a limited part of an index, and filter the rows of this part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, Row, Select, case, func, or_, select, true

from crawljobs.repository.sql import ONE_ROW, inline_number


@dataclass(frozen=True)
class Page:
    """The two parts of a statement that reads a page.

    - `found`: the rows that match the filters. Its columns are id, place (the number of the row in
      the scan) and position (from which a next page can continue).
    - `walk_end`: one row with the column position. If the scan stopped at `scan_limit` before the
      page was full, the column has the position of the last row that was read. Otherwise the column
      is null.
    """

    found: CTE
    walk_end: CTE

    @property
    def positions(self) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """Return the columns from which `cut` reads where the next page continues."""
        of_row, of_walk = self.found.c.position, self.walk_end.c.position
        return of_row.label("row_position"), of_walk.label("walk_end")


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


def newest_first(
    walked: Select[Any],
    *,
    is_found: Callable[[FromClause], ColumnElement[bool]],
    columns: Sequence[ColumnElement[Any]],
    key: ColumnElement[int],
    scan_limit: int,
    limit: int,
) -> Select[Any]:
    """Return the statement that reads a page of a list in the descending order of ids.

    `walked` selects the rows to check, with their id and the columns that `is_found` uses. A result
    has the `columns` of the row whose `key` is this id. `limit` is the page's number of rows plus
    one. Pass the results to `cut`.
    """
    inner = walked.subquery("walked")
    page = page_of(
        select(inner).order_by(inner.c.id.desc()).limit(inline_number(scan_limit)),
        is_found=is_found,
        position=lambda row: row.c.id,
        scan_limit=scan_limit,
        limit=inline_number(limit),
    )
    # LATERAL with LIMIT 1 makes the planner look up each row by its id.
    whole = select(*columns).where(key == page.found.c.id).limit(ONE_ROW).lateral("whole")
    return (
        select(*whole.c, *page.positions)
        .select_from(page.walk_end.outerjoin(page.found, true()).outerjoin(whole, true()))
        .order_by(page.found.c.place)
    )


def cut(rows: Sequence[Row[Any]], *, limit: int) -> tuple[list[Row[Any]], Any]:
    """Return the page's rows, at most `limit`, and the position from which the next page continues.

    `rows` are the results of the page's statement, with the columns id and `Page.positions`: at
    most one row more than `limit`. The position is None if no page follows.
    """
    found = [row for row in rows if row.id is not None]
    if len(found) > limit:
        return found[:limit], found[limit - 1].row_position
    return found, rows[0].walk_end


def cut_by_size(
    rows: Iterable[Row[Any]], *, limit: int, size_of: Callable[[Row[Any]], int], size_max: int
) -> tuple[list[Row[Any]], Any]:
    """Return the same as `cut`, but end the page before its rows together exceed `size_max`.

    A page has at least one row, even if this row exceeds `size_max`. Without a row, the next page
    would begin at the same position. The function reads no row after the first one that does not
    fit.
    """
    found: list[Row[Any]] = []
    size, walk_end = 0, None
    for row in rows:
        walk_end = row.walk_end
        if row.id is None:
            continue
        size += size_of(row)
        if found and (len(found) == limit or size > size_max):
            return found, found[-1].row_position
        found.append(row)
    return found, walk_end
