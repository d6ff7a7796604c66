"""Erase the content of an author: the posts, the comments, and the origin of crossposts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Table,
    Update,
    any_,
    bindparam,
    null,
    select,
    update,
)

from crawljobs.db.tables import comments, posts
from crawljobs.repository.content import tombstones
from crawljobs.repository.sql import NOW, array_of

_author_id = bindparam("of_author", type_=BigInteger)


def _erase(table: Table, author: Column[Any], values: dict[str, Any]) -> Update:
    """Return the statement that locks an author's next rows in id order, and changes the rows.

    A changed row no longer has the author. So the next execution finds other rows.
    """
    chosen = select(table.c.id).where(author == _author_id).limit(bindparam("at_most"))
    locked = (
        select(table.c.id)
        .where(table.c.id == any_(array_of(chosen)))
        .order_by(table.c.id)
        .with_for_update(key_share=True)
    )
    return update(table).where(table.c.id == any_(array_of(locked))).values(**values)


# A crosspost by another author keeps its own content. Its url is deleted, because the url has words
# of the original post's title.
_WITHOUT_ORIGIN = {"crosspost_author_id": null(), "url": null(), "updated_at": NOW}
ERASE_POSTS = _erase(posts, posts.c.author_id, tombstones.values_of(posts))
ERASE_COMMENTS = _erase(comments, comments.c.author_id, tombstones.values_of(comments))
ERASE_ORIGINS = _erase(posts, posts.c.crosspost_author_id, _WITHOUT_ORIGIN)
_STEPS = (ERASE_POSTS, ERASE_COMMENTS, ERASE_ORIGINS)


def erase(conn: Connection, *, author_id: int, at_most: int) -> int:
    """Erase at most `at_most` rows of the author. Return how many were erased: 0 if no row was
    left.

    A call locks posts before comments. The rows of crossposts are posts. So a call that erased
    posts or comments does not erase the origin of crossposts, because it would lock posts after
    comments.
    """
    erased = 0
    for statement in _STEPS:
        if erased == at_most or (statement is ERASE_ORIGINS and erased):
            break
        values = {"of_author": author_id, "at_most": at_most - erased, "now": None}
        erased += conn.execute(statement, values).rowcount
    return erased
