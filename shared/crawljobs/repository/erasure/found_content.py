"""Count the rows that an erasure concerns."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Connection, FromClause, bindparam, func, select

from crawljobs.db.tables import author_subreddits, comments, posts
from crawljobs.repository.sql import inline_number

COUNT_MAX = 100_000  # limit of the counted rows of each kind

_of = bindparam("of_id", type_=BigInteger)


@dataclass(frozen=True)
class FoundContent:
    """The numbers of rows of an author or a subreddit.

    - `crossposts`: other authors' crossposts of the author's posts.
    - `edges`: rows with an author's activity in a subreddit.
    - `more`: true if a count stopped at COUNT_MAX, so there may be more rows.
    """

    posts: int = 0
    comments: int = 0
    crossposts: int = 0
    edges: int = 0

    @property
    def rows(self) -> int:
        return self.posts + self.comments + self.crossposts + self.edges

    @property
    def more(self) -> bool:
        return COUNT_MAX in (self.posts, self.comments, self.crossposts, self.edges)


def _count(table: FromClause, condition: ColumnElement[bool]) -> ColumnElement[int]:
    found = select(inline_number(1)).select_from(table).where(condition)
    counted = found.limit(inline_number(COUNT_MAX)).subquery()
    return select(func.count()).select_from(counted).scalar_subquery()


OF_AUTHOR = select(
    _count(posts, posts.c.author_id == _of).label("posts"),
    _count(comments, comments.c.author_id == _of).label("comments"),
    _count(posts, posts.c.crosspost_author_id == _of).label("crossposts"),
    _count(author_subreddits, author_subreddits.c.author_id == _of).label("edges"),
)
OF_SUBREDDIT = select(
    _count(posts, posts.c.subreddit_id == _of).label("posts"),
    _count(comments, comments.c.subreddit_id == _of).label("comments"),
    inline_number(0).label("crossposts"),
    _count(author_subreddits, author_subreddits.c.subreddit_id == _of).label("edges"),
)


def of_author(conn: Connection, *, author_id: int) -> FoundContent:
    return FoundContent(**conn.execute(OF_AUTHOR, {"of_id": author_id}).one()._mapping)


def of_subreddit(conn: Connection, *, subreddit_id: int) -> FoundContent:
    return FoundContent(**conn.execute(OF_SUBREDDIT, {"of_id": subreddit_id}).one()._mapping)
