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
    """Return the statement that changes the next rows of an author, locked in the order of ids.

    A changed row no longer has the author, so the next execution finds other rows.
    """
    chosen = select(table.c.id).where(author == _author_id).limit(bindparam("at_most"))
    locked = (
        select(table.c.id)
        .where(table.c.id == any_(array_of(chosen)))
        .order_by(table.c.id)
        .with_for_update(key_share=True)
    )
    return update(table).where(table.c.id == any_(array_of(locked))).values(**values)


# A crosspost of another author keeps its own content. Its url has words of the original's title.
_WITHOUT_ORIGIN = {"crosspost_author_id": null(), "url": null(), "updated_at": NOW}
ERASE_POSTS = _erase(posts, posts.c.author_id, tombstones.values_of(posts))
ERASE_COMMENTS = _erase(comments, comments.c.author_id, tombstones.values_of(comments))
ERASE_ORIGINS = _erase(posts, posts.c.crosspost_author_id, _WITHOUT_ORIGIN)
_STEPS = (ERASE_POSTS, ERASE_COMMENTS, ERASE_ORIGINS)


def erase(conn: Connection, *, author_id: int, at_most: int) -> int:
    """Erase at most `at_most` rows of the author. Return their number; 0 means that none is left.

    Locks posts before comments. Crossposts are locked in a transaction of their own.
    """
    erased = 0
    for statement in _STEPS:
        if erased == at_most or (statement is ERASE_ORIGINS and erased):
            break
        values = {"of_author": author_id, "at_most": at_most - erased, "now": None}
        erased += conn.execute(statement, values).rowcount
    return erased
