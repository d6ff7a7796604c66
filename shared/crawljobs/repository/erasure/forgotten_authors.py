"""Delete the accounts of which nothing is stored any more.

The items of a deleted account lose their author, and a deleted item loses it too. After the last
one, the account and its activity would still show whose content was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Select,
    any_,
    bindparam,
    delete,
    func,
    not_,
    or_,
    select,
)

from crawljobs.db.tables import author_subreddits, authors, comments, posts
from crawljobs.repository import index_order
from crawljobs.repository.erasure import author_traces, block_list
from crawljobs.repository.sql import NOW, ONE_ROW, ids, inline, inline_interval, inline_number

WALKED = 1_000  # authors that one statement examines
AT_ONCE = 20  # authors that one transaction deletes; no page is stored meanwhile
STEPS = 5  # steps with the activity of one author; the next run continues

_author, _edge = authors.c, author_subreddits.c
WALK: Select[Any] = (
    select(_author.id)
    .where(_author.id > bindparam("after", type_=BigInteger))
    .order_by(_author.id)
    .limit(inline_number(WALKED))
)


def _has(key: Column[Any], author: Column[Any]) -> ColumnElement[bool]:
    """Return whether a row of the author exists. `key` is any column of the row that is not null.

    With LIMIT, Postgres looks into the index of the column `author` for each author. It could
    answer an EXISTS by a scan of the whole table.
    """
    found = select(key).where(author == _author.id).limit(ONE_ROW)
    return found.scalar_subquery().is_not(None)


_has_item = or_(
    _has(posts.c.id, posts.c.author_id),
    _has(comments.c.id, comments.c.author_id),
    _has(posts.c.id, posts.c.crosspost_author_id),
)
_has_activity = _has(_edge.subreddit_id, _edge.author_id)
# An author whose erasure runs has a name that begins with a bracket. The erasure still needs the
# activity, to find the crawls that name the author.
FIND = (
    select(_author.id, _author.name)
    .where(
        _author.id == any_(ids("author_ids")),
        _author.first_seen_at < NOW - inline_interval("1 day"),
        func.left(_author.name, inline_number(1)) != inline("["),
        not_(_has_item),
        or_(bindparam("with_activity", type_=Boolean), not_(_has_activity)),
    )
    .order_by(_author.id)
)
DELETE = delete(authors).where(_author.id == any_(ids("author_ids")))


@dataclass(frozen=True)
class Walked:
    """The authors without items among the examined ones, and the last examined id.

    `last_id` is None if no author follows.
    """

    found: Sequence[int]
    last_id: int | None


def walk(
    conn: Connection, *, after: int, with_activity: bool, now: datetime | None = None
) -> Walked:
    """Examine the next WALKED authors, with ids above `after`.

    `with_activity`: false leaves out authors with activity in a subreddit.
    """
    index_order.follow(conn)
    walked = list(conn.execute(WALK, {"after": after}).scalars())
    values = {"author_ids": walked, "with_activity": with_activity, "now": now}
    found = [row.id for row in conn.execute(FIND, values)]
    return Walked(found, walked[-1] if len(walked) == WALKED else None)


def forget(
    conn: Connection,
    *,
    author_ids: Sequence[int],
    with_activity: bool,
    now: datetime | None = None,
) -> int:
    """Delete these authors with their activity, and return the number of deleted authors.

    Waits for the pages that may just store items of these authors. An author of whom a page has
    stored an item stays, and so does an author whom a running crawl names.
    """
    block_list.wait_for_pages(conn)
    index_order.follow(conn)
    values = {"author_ids": list(author_ids), "with_activity": with_activity, "now": now}
    gone = [
        row.id
        for row in conn.execute(FIND, values).all()
        if _has_no_activity_left(conn, row.id, row.name)
    ]
    return conn.execute(DELETE, {"author_ids": gone}).rowcount


def _has_no_activity_left(conn: Connection, author_id: int, name: str) -> bool:
    """Delete the author's activity, and return whether none is left."""
    for _ in range(STEPS):
        cleaned = author_traces.delete_activity(conn, author_id=author_id, name=name)
        if cleaned.edges == 0:
            return not cleaned.waits
    return False
