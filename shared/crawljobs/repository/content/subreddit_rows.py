"""The subreddit object that the API shows, and the columns from which the object is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, literal_column, not_, select

from crawljobs.db.tables import missing_parts, subreddits
from crawljobs.domain.coverage import WalkEnd
from crawljobs.domain.missing_part import PartKind
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.sql import NOW, inline, inline_number, row_version, seconds


@dataclass(frozen=True)
class Subreddit:
    """A subreddit with its description, its access, and the times and results of its crawls."""

    id: int
    name: str
    reddit_id: str | None
    title: str | None
    description: str | None
    subscribers: int | None
    over_18: bool | None
    created_at_reddit: datetime | None
    access: AccessState
    access_checked_at: datetime | None
    access_unconfirmed: str | None
    access_unconfirmed_looks: int
    discovered_from: int | None
    depth: int
    first_seen_at: datetime
    last_crawled_at: datetime | None
    crawled_seconds_ago: float | None
    next_crawl_at: datetime | None
    gap_at: datetime | None
    incomplete: bool
    missing_parts: int
    gaps: int
    oldest_post: str | None
    oldest_post_at: datetime | None
    oldest_comment: str | None
    oldest_comment_at: datetime | None
    posts_walk_end: str | None
    known_to_first_post: bool
    whole_walk_at: datetime | None
    trees_whole: int | None
    trees_not_whole: int | None
    min_request_gap_seconds: float | None
    min_crawl_gap_seconds: float | None
    version: int  # a number that changes with every change of the row


_subreddit = subreddits.c
_of_subreddit = missing_parts.c.subreddit_id == _subreddit.id
_missing_posts = (
    select(literal_column("1"))
    .where(_of_subreddit, missing_parts.c.kind == inline(PartKind.POSTS))
    .exists()
)
# Counts the rows of missing parts, because the column `missing_parts` is out of date during a
# crawl. A subreddit has at most STORED_MAX rows of missing parts.
_missing = select(func.count()).select_from(missing_parts).where(_of_subreddit).scalar_subquery()


def is_incomplete(subreddit_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the SQL condition that at least one part of this subreddit is missing."""
    return select(literal_column("1")).where(missing_parts.c.subreddit_id == subreddit_id).exists()


_COMPUTED = (
    seconds(NOW - _subreddit.last_crawled_at).label("crawled_seconds_ago"),
    is_incomplete(_subreddit.id).label("incomplete"),
    _missing.label("missing_parts"),
    and_(
        _subreddit.posts_walk_end.is_not_distinct_from(inline(WalkEnd.FIRST_ITEM)),
        _subreddit.gaps == inline_number(0),
        not_(_missing_posts),
    ).label("known_to_first_post"),
    row_version(subreddits),
)
COLUMNS = (
    *(
        _subreddit[name]
        for name in Subreddit.__dataclass_fields__
        if name in _subreddit and name != "missing_parts"
    ),
    *_COMPUTED,
)


def to_subreddit(row: object) -> Subreddit:
    """Return the subreddit from a mapping whose keys are the names of COLUMNS."""
    values = {name: row[name] for name in Subreddit.__dataclass_fields__}  # type: ignore[index]
    return Subreddit(**{**values, "access": AccessState(values["access"])})
