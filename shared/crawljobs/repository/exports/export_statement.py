"""Compose the statement that reads one chunk of an export. Each result row becomes one line."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
)

from crawljobs.db.tables import authors, subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.exports import (
    export_walks,
    flat_fields,
    hidden_fields,
    reddit_fields,
)
from crawljobs.repository.exports.export_plan import ITEMS, ExportKind, ExportOrder, ExportShape
from crawljobs.repository.exports.export_walks import KEYS, TABLES, position_columns
from crawljobs.repository.exports.flat_fields import Fields, Named
from crawljobs.repository.sql import ONE_ROW, inline, inline_number

CHUNK_ROWS = 5_000  # one statement reads at most this number of rows
SMALL_CHUNK_ROWS = 500  # the same limit for an export with a low limit of rows per second

FIELDS: dict[tuple[ExportKind, ExportShape], Callable[[FromClause, Named], Fields]] = {
    (ExportKind.POSTS, ExportShape.FLAT): flat_fields.of_post,
    (ExportKind.COMMENTS, ExportShape.FLAT): flat_fields.of_comment,
    (ExportKind.AUTHORS, ExportShape.FLAT): flat_fields.of_author,
    (ExportKind.SUBREDDITS, ExportShape.FLAT): flat_fields.of_subreddit,
    (ExportKind.EDGES, ExportShape.FLAT): flat_fields.of_edge,
    (ExportKind.LINKS, ExportShape.FLAT): flat_fields.of_link,
    (ExportKind.MAP_NODES, ExportShape.FLAT): flat_fields.of_node,
    (ExportKind.POSTS, ExportShape.REDDIT): reddit_fields.of_post,
    (ExportKind.COMMENTS, ExportShape.REDDIT): reddit_fields.of_comment,
    (ExportKind.AUTHORS, ExportShape.REDDIT): reddit_fields.of_author,
    (ExportKind.SUBREDDITS, ExportShape.REDDIT): reddit_fields.of_subreddit,
}
# Each row of these exports refers to two subreddits. The ids of the subreddits are in these
# columns.
_PAIRS = {
    ExportKind.LINKS: ("a_id", "b_id"),
    ExportKind.MAP_NODES: ("subreddit_id", "community_id"),
}


def _looked_up(
    table: Table, columns: tuple[str, ...], key: ColumnElement[Any], *, name: str | None = None
) -> FromClause:
    """Return the row with this id. LATERAL with LIMIT 1 makes the planner use the primary key."""
    row = select(*(table.c[name] for name in columns)).where(table.c.id == key)
    return row.limit(ONE_ROW).lateral(name or table.name.removesuffix("s"))


def _is_found(
    kind: ExportKind, order: ExportOrder, item: FromClause, names: list[ColumnElement[str]],
    *, pseudonymous: bool,
) -> ColumnElement[bool]:  # fmt: skip
    """Return whether a row that the walk has read belongs to the export.

    `names` are the columns with names of subreddits. If the export has pseudonyms, a row that
    refers to a profile (`u_`) does not belong to the export.
    """
    conditions: list[ColumnElement[bool]] = [true()]
    if order is ExportOrder.UPDATED:
        subreddit_id = bindparam("subreddit_id", type_=BigInteger)
        since, until = bindparam("since", type_=Timestamp), bindparam("until", type_=Timestamp)
        conditions += [
            or_(subreddit_id.is_(None), item.c.subreddit_id == subreddit_id),
            or_(since.is_(None), item.c.created_at >= since),
            or_(until.is_(None), item.c.created_at < until),
        ]
    if kind is ExportKind.LINKS:
        conditions.append(item.c.shared_authors >= bindparam("min_shared", type_=Integer))
    if pseudonymous:
        conditions += [hidden_fields.is_no_profile(name) for name in names]
    return and_(*conditions)


def _with_extra(line: ColumnElement[str], item: FromClause) -> ColumnElement[str]:
    """Add the rarely used fields of the column `extra` to the JSON object `line`."""
    extra = cast(item.c.extra, Text)
    has_extra = and_(item.c.deleted_at.is_(None), func.length(extra) > inline_number(2))
    together = func.concat(
        func.left(line, inline_number(-1)), inline(","), func.substr(extra, inline_number(2))
    )
    return case((has_extra, together), else_=line)


def field_names(kind: ExportKind, shape: ExportShape) -> list[str]:
    """Return the names of a line's fields in their order, except the name of the field `author`."""
    named = Named(subreddits, authors, authors, subreddits)
    return list(FIELDS[kind, shape](TABLES[kind], named))


@lru_cache(maxsize=256)
def chunk_statement(
    kind: ExportKind,
    shape: ExportShape,
    order: ExportOrder,
    *,
    pseudonymous: bool,
    bodies: bool,
    at_most: int,
) -> Select[Any]:
    """Return the statement whose rows are the next lines, at most `at_most` of them.

    Its columns are the key, `author` (a name or null) and `line`: a JSON object without the name of
    the author, or null if the row does not belong to the export.
    """
    item = export_walks.walked(kind, order, at_most)
    joined: FromClause = item
    subreddit = author = original = other = item
    names: list[ColumnElement[str]] = [item.c.name] if kind is ExportKind.SUBREDDITS else []
    author_name: ColumnElement[Any] = item.c.name if kind is ExportKind.AUTHORS else null()
    if kind in ITEMS or kind is ExportKind.EDGES:
        subreddit = _looked_up(subreddits, ("name", "reddit_id"), item.c.subreddit_id)
        author = _looked_up(authors, ("name", "reddit_id"), item.c.author_id)
        joined = item.join(subreddit, true()).outerjoin(author, true())
        names, author_name, original = [subreddit.c.name], author.c.name, author
    if kind is ExportKind.POSTS:
        original = _looked_up(authors, ("name",), item.c.crosspost_author_id, name="original")
        joined = joined.outerjoin(original, true())
    if kind in _PAIRS:
        first_id, second_id = (item.c[column] for column in _PAIRS[kind])
        subreddit = _looked_up(subreddits, ("name",), first_id)
        other = _looked_up(subreddits, ("name",), second_id, name="other")
        joined = item.join(subreddit, true()).outerjoin(other, true())
        names = [subreddit.c.name, *([other.c.name] if kind is ExportKind.LINKS else [])]
    if kind in ITEMS:
        author_name = case((item.c.deleted_at.is_(None), author_name))
    fields = FIELDS[kind, shape](item, Named(subreddit, author, original, other))
    if pseudonymous:
        fields = hidden_fields.without_accounts(fields, kind, shape, author=author_name)
    if not bodies:
        fields = hidden_fields.without_bodies(fields, shape)
    line = (
        select(*(column.label(field) for field, column in fields.items()))
        .correlate(item, subreddit, author, original, other)
        .lateral("line")
    )
    whole: ColumnElement[str] = cast(func.row_to_json(literal_column("line")), Text)
    if kind in ITEMS and shape is ExportShape.REDDIT and not pseudonymous:
        whole = _with_extra(whole, item)
    is_found = _is_found(kind, order, item, names, pseudonymous=pseudonymous)
    chosen = select(
        *(item.c[column].label(f"key_{column}") for column in position_columns(order)),
        author_name.label("author"),
        case((is_found, whole)).label("line"),
    )
    return chosen.select_from(joined.join(line, true())).order_by(
        *(item.c[column] for column in KEYS[order])
    )
