"""Read a post and one page of its comment tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Text, any_, bindparam, select

from crawljobs.db.tables import comments, posts
from crawljobs.domain import tree_order
from crawljobs.domain.tree_order import PlacedComment, TreeNode
from crawljobs.repository import index_order
from crawljobs.repository.content.reads import shown_items
from crawljobs.repository.content.reads.shown_items import ShownComment, ShownPost
from crawljobs.repository.sql import ONE_ROW, inline_number, texts

TREE_MAX = 20_000  # limit of the comments of a tree that are read

_post_id = bindparam("post_id", type_=Text)
GET = (
    select(*shown_items.POST_COLUMNS)
    .select_from(shown_items.with_names(posts))
    .where(posts.c.id == _post_id)
    .limit(ONE_ROW)
)
# Together, the two comparisons mean `=`. With `=` itself, Postgres would ignore the ORDER BY, and
# might not use the index.
SKELETON = (
    select(comments.c.id, comments.c.parent_id, comments.c.created_at)
    .where(comments.c.post_id >= _post_id, comments.c.post_id <= _post_id)
    .order_by(comments.c.post_id)
    .limit(inline_number(TREE_MAX + 1))
)
COMMENTS = (
    select(*shown_items.COMMENT_COLUMNS)
    .select_from(shown_items.with_names(comments))
    .where(comments.c.id == any_(texts("ids")))
)


@dataclass(frozen=True, slots=True)
class TreeComment:
    """A comment with its depth in the tree. The depth 0 is directly below the post."""

    comment: ShownComment
    depth: int


@dataclass(frozen=True)
class TreePage:
    """One page of a tree. `next`: the value of `after` for the next page, or None at the end.

    `is_cut` is true if the post has more than TREE_MAX stored comments. Then the tree has only
    TREE_MAX comments.
    """

    comments: list[TreeComment]
    next: list[int | str] | None
    is_cut: bool


def get_post(conn: Connection, *, post_id: str) -> ShownPost | None:
    """Return the post with this id, or None."""
    row = conn.execute(GET, {"post_id": post_id}).first()
    return None if row is None else shown_items.to_post(row._mapping)


def tree_page(
    conn: Connection, *, post_id: str, after: list[int | str] | None = None, limit: int = 100
) -> TreePage:
    """Return a page of at most `limit` comments of the post, in the order of the tree.

    `conn` must be in a transaction. Later statements of the transaction also read in index order. A
    page begins after the last comment of the previous page. If that comment was deleted, the page
    begins at the same place of the order.
    """
    index_order.follow(conn)
    rows = conn.execute(SKELETON, {"post_id": post_id}).all()
    nodes = [TreeNode(row.id, row.parent_id, row.created_at) for row in rows[:TREE_MAX]]
    placed = tree_order.in_tree_order(nodes)
    begin = 0
    if after is not None:
        place, last_id = int(after[0]), after[1]
        found = (n for n, one in enumerate(placed) if one.id == last_id)
        begin = next(found, place) + 1
    page, by_id = _read(conn, placed[begin : begin + limit])
    end = begin + len(page)
    return TreePage(
        comments=[TreeComment(by_id[one.id], one.depth) for one in page if one.id in by_id],
        next=[end - 1, page[-1].id] if end < len(placed) and page else None,
        is_cut=len(rows) > TREE_MAX,
    )


def _read(
    conn: Connection, page: Sequence[PlacedComment]
) -> tuple[Sequence[PlacedComment], dict[str, ShownComment]]:
    """Return the first nodes of the page, and their comments by id.

    The comments have at most PAGE_CHARACTERS together, except for a single longer comment.
    """
    by_id: dict[str, ShownComment] = {}
    size = 0
    for begin in range(0, len(page), shown_items.ROWS_AT_ONCE):
        nodes = page[begin : begin + shown_items.ROWS_AT_ONCE]
        rows = {row.id: row for row in conn.execute(COMMENTS, {"ids": [one.id for one in nodes]})}
        for place, node in enumerate(nodes, begin):
            if node.id not in rows:
                continue
            row = rows[node.id]._mapping
            size += shown_items.characters(row)
            if by_id and size > shown_items.PAGE_CHARACTERS:
                return page[:place], by_id
            by_id[node.id] = shown_items.to_comment(row)
    return page, by_id
