"""Delete the accounts without stored items.

If an account is deleted at Reddit, its stored items lose their author. A deleted item also loses
its author. After the last of these items, the account and its activity would still show whose
content was deleted.
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
from crawljobs.repository.erasure import author_traces, block_list, named_checkpoints
from crawljobs.repository.sql import NOW, ONE_ROW, ids, inline, inline_interval, inline_number

WALKED = 1_000  # limit of the authors that one statement examines
AT_ONCE = 50  # limit of the authors that one transaction deletes; no page is stored meanwhile
SUBREDDITS_MAX = 2_000  # an author with activity in more subreddits is not deleted

_author, _edge = authors.c, author_subreddits.c
WALK: Select[Any] = (
    select(_author.id)
    .where(_author.id > bindparam("after", type_=BigInteger))
    .order_by(_author.id)
    .limit(inline_number(WALKED))
)


def _has(key: Column[Any], author: Column[Any]) -> ColumnElement[bool]:
    """Return whether a row of the author exists. `key` is any column of the row that is not null.

    With LIMIT, Postgres reads the index of the column `author` for each author. With EXISTS,
    Postgres could scan the whole table.
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


# No page is stored during the deletion, so the deletion has only these two fast statements.
DELETE_EDGES = delete(author_subreddits).where(_edge.author_id == any_(ids("author_ids")))
SUBREDDITS = (
    select(_edge.subreddit_id)
    .where(_edge.author_id == bindparam("author_id", type_=BigInteger))
    .order_by(_edge.subreddit_id)
    .limit(inline_number(SUBREDDITS_MAX + 1))
)


@dataclass(frozen=True)
class Walked:
    """The ids and names of the authors without items, and the last id that was examined.

    `last_id` is None if no author follows.
    """

    found: Sequence[tuple[int, str]]
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
    found = [(row.id, row.name) for row in conn.execute(FIND, values)]
    return Walked(found, walked[-1] if len(walked) == WALKED else None)


def remove_name(conn: Connection, *, author_id: int, name: str) -> bool:
    """Remove the name from the crawls of the author's subreddits: checkpoints and missing parts.

    Returns false if the name is still in a running crawl, or if the author has activity in more
    than SUBREDDITS_MAX subreddits. Then the author must stay, because only the activity shows which
    crawls can have the name.
    """
    index_order.follow(conn)
    all_ids = list(conn.execute(SUBREDDITS, {"author_id": author_id}).scalars())
    if len(all_ids) > SUBREDDITS_MAX:
        return False
    for begin in range(0, len(all_ids), author_traces.SUBREDDITS_AT_ONCE):
        some = all_ids[begin : begin + author_traces.SUBREDDITS_AT_ONCE]
        if named_checkpoints.remove(conn, name=name, subreddit_ids=some):
            return False
        values = {"of_name": name, "subreddit_ids": some}
        conn.execute(author_traces.DELETE_PARTS, values)
    return True


def forget(
    conn: Connection,
    *,
    author_ids: Sequence[int],
    with_activity: bool,
    now: datetime | None = None,
) -> int:
    """Delete these authors with their activity, and return the number of deleted authors.

    First waits for the transactions that store pages, because a page may have items of these
    authors. If a page has stored an item of an author meanwhile, the author stays.
    """
    block_list.wait_for_pages(conn)
    index_order.follow(conn)
    values = {"author_ids": list(author_ids), "with_activity": with_activity, "now": now}
    gone = {"author_ids": [row.id for row in conn.execute(FIND, values)]}
    conn.execute(DELETE_EDGES, gone)
    return conn.execute(DELETE, gone).rowcount
