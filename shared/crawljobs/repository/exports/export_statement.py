"""Compose the statement that reads one chunk of an export, one row for each line."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
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
    tuple_,
)

from crawljobs.db.tables import author_subreddits, authors, comments, posts, subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.exports import flat_fields, reddit_fields
from crawljobs.repository.exports.export_plan import ITEMS, ExportKind, ExportOrder, ExportShape
from crawljobs.repository.exports.flat_fields import Fields
from crawljobs.repository.sql import ONE_ROW, inline, inline_number

CHUNK_ROWS = 5_000  # one statement reads at most this number of rows
SMALL_CHUNK_ROWS = 500  # for an export with a limited rate

TABLES: dict[ExportKind, Table] = {
    ExportKind.POSTS: posts,
    ExportKind.COMMENTS: comments,
    ExportKind.AUTHORS: authors,
    ExportKind.SUBREDDITS: subreddits,
    ExportKind.EDGES: author_subreddits,
}
FIELDS: dict[
    tuple[ExportKind, ExportShape], Callable[[FromClause, FromClause, FromClause], Fields]
] = {
    (ExportKind.POSTS, ExportShape.FLAT): flat_fields.of_post,
    (ExportKind.COMMENTS, ExportShape.FLAT): flat_fields.of_comment,
    (ExportKind.AUTHORS, ExportShape.FLAT): flat_fields.of_author,
    (ExportKind.SUBREDDITS, ExportShape.FLAT): flat_fields.of_subreddit,
    (ExportKind.EDGES, ExportShape.FLAT): flat_fields.of_edge,
    (ExportKind.POSTS, ExportShape.REDDIT): reddit_fields.of_post,
    (ExportKind.COMMENTS, ExportShape.REDDIT): reddit_fields.of_comment,
    (ExportKind.AUTHORS, ExportShape.REDDIT): reddit_fields.of_author,
    (ExportKind.SUBREDDITS, ExportShape.REDDIT): reddit_fields.of_subreddit,
}
KEYS: dict[ExportOrder, tuple[str, ...]] = {
    ExportOrder.WHOLE: ("subreddit_id", "created_at", "id"),
    ExportOrder.SPAN: ("subreddit_id", "created_at", "id"),
    ExportOrder.SUBREDDIT: ("subreddit_id", "created_at", "id"),
    ExportOrder.UPDATED: ("updated_at", "id"),
    ExportOrder.ID: ("id",),
    ExportOrder.EDGE: ("author_id", "subreddit_id"),
    ExportOrder.SUBREDDIT_EDGE: ("subreddit_id", "author_id"),
}
# In these orders, the first column of the key is the same in each row.
OF_ONE_SUBREDDIT = frozenset({ExportOrder.SUBREDDIT, ExportOrder.SUBREDDIT_EDGE})
# The fields that identify an author. An export with pseudonyms has null in them.
IDENTIFYING = frozenset({"author_fullname", "reddit_id", "author_flair_text"})
BODIES = frozenset({"body", "selftext"})


def position_columns(order: ExportOrder) -> tuple[str, ...]:
    """Return the columns of the key that differ between the rows of an export."""
    return KEYS[order][1:] if order in OF_ONE_SUBREDDIT else KEYS[order]


def _bound(table: Table, order: ExportOrder, name: str) -> ColumnElement[Any]:
    """Return the position `low` or `high` of the parameters, in the columns of the order's key."""
    varies = position_columns(order)
    return tuple_(
        *(
            bindparam(
                f"{name}_{column}" if column in varies else column, type_=table.c[column].type
            )
            for column in KEYS[order]
        )
    )


def _walked(kind: ExportKind, order: ExportOrder, rows: int) -> FromClause:
    """Return the next rows in the order of the key, between the positions `low` and `high`.

    The conditions and the order have each column of the key, so only the index on these columns
    gives the order, whatever the statistics of the table say.
    """
    table = TABLES[kind]
    if order is ExportOrder.SPAN:
        return _walked_by_subreddit(table, rows)
    key = [table.c[column] for column in KEYS[order]]
    walk = select(table).where(
        tuple_(*key) > _bound(table, order, "low"), tuple_(*key) < _bound(table, order, "high")
    )
    return walk.order_by(*key).limit(inline_number(rows)).subquery("item")


def _walked_by_subreddit(table: Table, rows: int) -> FromClause:
    """Return the next rows of a span of time, one subreddit after the other.

    The statement looks for each subreddit in the index. A walk through the whole index would also
    read the items outside the span.
    """
    low, high = (bindparam(f"{n}_subreddit_id", type_=BigInteger) for n in ("low", "high"))
    is_first = subreddits.c.id == low
    since, until = bindparam("since", type_=Timestamp), bindparam("until", type_=Timestamp)
    begin = tuple_(
        case((is_first, bindparam("low_created_at", type_=Timestamp)), else_=since),
        case((is_first, bindparam("low_id", type_=Text)), else_=inline("")),
    )
    key = (table.c.created_at, table.c.id)
    of_subreddit = (
        select(table)
        .where(
            table.c.subreddit_id == subreddits.c.id,
            tuple_(*key) > begin,
            tuple_(*key) < tuple_(until, inline("")),
        )
        .order_by(*key)
        .limit(inline_number(rows))
        .lateral("of_subreddit")
    )
    return (
        select(of_subreddit)
        .select_from(subreddits.join(of_subreddit, true()))
        .where(subreddits.c.id >= low, subreddits.c.id <= high)
        .order_by(subreddits.c.id, of_subreddit.c.created_at, of_subreddit.c.id)
        .limit(inline_number(rows))
        .subquery("item")
    )


def _looked_up(table: Table, columns: tuple[str, ...], key: ColumnElement[Any]) -> FromClause:
    """Return the row with this id. LATERAL with LIMIT 1 makes the planner use the primary key."""
    row = select(*(table.c[name] for name in columns)).where(table.c.id == key)
    return row.limit(ONE_ROW).lateral(table.name.removesuffix("s"))


def _is_found(
    kind: ExportKind, order: ExportOrder, item: FromClause, name: ColumnElement[str] | None,
    *, pseudonymous: bool,
) -> ColumnElement[bool]:  # fmt: skip
    """Return whether a row that the walk has read belongs to the export."""
    conditions: list[ColumnElement[bool]] = [true()]
    if order is ExportOrder.UPDATED:
        subreddit_id = bindparam("subreddit_id", type_=BigInteger)
        since, until = bindparam("since", type_=Timestamp), bindparam("until", type_=Timestamp)
        conditions += [
            or_(subreddit_id.is_(None), item.c.subreddit_id == subreddit_id),
            or_(since.is_(None), item.c.created_at >= since),
            or_(until.is_(None), item.c.created_at < until),
        ]
    if pseudonymous and name is not None:
        conditions.append(func.lower(func.left(name, inline_number(2))) != inline("u_"))
    return and_(*conditions)


def _hidden(fields: Fields, *, shape: ExportShape, pseudonymous: bool, bodies: bool) -> Fields:
    """Return the fields, with a constant in each field that this export leaves out."""
    hidden = dict(fields)
    for name in fields:
        if pseudonymous and name in IDENTIFYING:
            hidden[name] = null()
        if not bodies and name in BODIES:
            hidden[name] = inline("") if shape is ExportShape.REDDIT else null()
    return hidden


def field_names(kind: ExportKind, shape: ExportShape) -> list[str]:
    """Return the names of a line's fields without the author's name, in the order of the line."""
    return list(FIELDS[kind, shape](TABLES[kind], subreddits, authors))


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
    item = _walked(kind, order, at_most)
    joined: FromClause = item
    subreddit = author = item
    name: ColumnElement[str] | None = item.c.name if kind is ExportKind.SUBREDDITS else None
    author_name: ColumnElement[Any] = item.c.name if kind is ExportKind.AUTHORS else null()
    if kind in ITEMS or kind is ExportKind.EDGES:
        subreddit = _looked_up(subreddits, ("name", "reddit_id"), item.c.subreddit_id)
        author = _looked_up(authors, ("name", "reddit_id"), item.c.author_id)
        joined = item.join(subreddit, true()).outerjoin(author, true())
        name, author_name = subreddit.c.name, author.c.name
    if kind in ITEMS:
        author_name = case((item.c.deleted_at.is_(None), author_name))
    fields = _hidden(
        FIELDS[kind, shape](item, subreddit, author),
        shape=shape,
        pseudonymous=pseudonymous,
        bodies=bodies,
    )
    line = (
        select(*(column.label(field) for field, column in fields.items()))
        .correlate(item, subreddit, author)
        .lateral("line")
    )
    whole = cast(func.row_to_json(literal_column("line")), Text)
    is_found = _is_found(kind, order, item, name, pseudonymous=pseudonymous)
    chosen = select(
        *(item.c[column].label(f"key_{column}") for column in position_columns(order)),
        author_name.label("author"),
        case((is_found, whole)).label("line"),
    )
    return chosen.select_from(joined.join(line, true())).order_by(
        *(item.c[column] for column in KEYS[order])
    )
