"""Read the last crawls of subreddits, and the items of the last days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Select,
    bindparam,
    case,
    cast,
    func,
    select,
    true,
)

from crawljobs.db.tables import comments, crawl_jobs, posts
from crawljobs.domain.job import FINAL, LIVE
from crawljobs.repository.sql import (
    NOW,
    ids,
    inline,
    inline_interval,
    inline_number,
    one_of,
    unnested,
)

DAYS_ITEMS_MAX = 5_000  # limit of the newest posts, and of the newest comments, that are counted

_job = crawl_jobs.c
_wanted = unnested("wanted", id=ids("ids"))


def _count(name: str) -> ColumnElement[int]:
    """Return a count from the checkpoint of the job, or 0 if the stored value is no valid count."""
    value = _job.checkpoint.op("->>")(inline(name))
    is_count = value.op("~")(inline("^[0-9]{1,9}$"))
    return case((is_count, cast(value, BigInteger)), else_=inline_number(0)).label(name)


_newest = (
    select(
        _job.id,
        _job.status,
        _job.source,
        _job.outcome,
        _job.created_at,
        _job.finished_at,
        _job.duration_seconds,
        _job.incomplete,
        _job.error_kind,
        *(_count(name) for name in ("requests", "posts", "comments")),
    )
    .where(_job.subreddit_id == _wanted.c.id, one_of(_job.status, FINAL))
    .order_by(_job.id.desc())
    .limit(bindparam("at_most", type_=BigInteger))
    .lateral("newest")
)
_CRAWLS = (
    select(_wanted.c.id.label("subreddit_id"), *_newest.c)
    .select_from(_wanted.join(_newest, true()))
    .order_by(_wanted.c.id, _newest.c.id.desc())
)
_LIVE = select(_job.subreddit_id, _job.id, _job.status).where(
    _job.subreddit_id == func.any(ids("ids")), one_of(_job.status, LIVE)
)


def _by_day(item: FromClause) -> Select[date, int]:
    newest = (
        select(item.c.created_at)
        .where(
            item.c.subreddit_id == bindparam("subreddit_id", type_=BigInteger),
            item.c.created_at > NOW - inline_interval("14 days"),
            item.c.created_at <= NOW,
        )
        .order_by(item.c.created_at.desc())
        .limit(inline_number(DAYS_ITEMS_MAX))
        .subquery("newest")
    )
    day = cast(newest.c.created_at.op("AT TIME ZONE")(inline("UTC")), Date)
    return select(day.label("day"), func.count().label("items")).group_by(day)


_POSTS, _COMMENTS = _by_day(posts), _by_day(comments)


@dataclass(frozen=True)
class RecentCrawl:
    """A finished job of a subreddit. `posts` and `comments` count the items that the crawl read."""

    id: int
    status: str
    source: str
    outcome: str | None
    created_at: datetime
    finished_at: datetime
    duration_seconds: float | None
    incomplete: bool
    error_kind: str | None
    requests: int
    posts: int
    comments: int

    @property
    def items(self) -> int:
        return self.posts + self.comments


@dataclass(frozen=True)
class LiveJob:
    """The live job of a subreddit."""

    id: int
    status: str


@dataclass(frozen=True)
class DayOfItems:
    """The numbers of stored items that were created on one day (UTC)."""

    day: date
    posts: int
    comments: int


def of_subreddits(
    conn: Connection, *, subreddit_ids: Sequence[int], at_most: int
) -> dict[int, list[RecentCrawl]]:
    """Return at most `at_most` finished jobs of each subreddit, the newest first."""
    found: defaultdict[int, list[RecentCrawl]] = defaultdict(list)
    values = {"ids": list(subreddit_ids), "at_most": at_most}
    for row in conn.execute(_CRAWLS, values).mappings() if subreddit_ids else ():
        fields = {name: row[name] for name in RecentCrawl.__dataclass_fields__}
        found[row["subreddit_id"]].append(RecentCrawl(**fields))
    return found


def live_jobs(conn: Connection, *, subreddit_ids: Sequence[int]) -> dict[int, LiveJob]:
    """Return the live jobs of these subreddits, by the id of the subreddit."""
    rows = conn.execute(_LIVE, {"ids": list(subreddit_ids)}) if subreddit_ids else ()
    return {row.subreddit_id: LiveJob(row.id, row.status) for row in rows}


def items_by_day(
    conn: Connection, *, subreddit_id: int, now: datetime | None = None
) -> list[DayOfItems]:
    """Return the numbers of items of each of the last 14 days, the oldest day first.

    Counts only the newest DAYS_ITEMS_MAX posts, and the newest DAYS_ITEMS_MAX comments. Days
    without items are left out.
    """
    values = {"subreddit_id": subreddit_id, "now": now}
    counts: defaultdict[date, dict[str, int]] = defaultdict(lambda: {"posts": 0, "comments": 0})
    for kind, statement in (("posts", _POSTS), ("comments", _COMMENTS)):
        for row in conn.execute(statement, values):
            counts[row.day][kind] = row.items
    return [DayOfItems(day, **kinds) for day, kinds in sorted(counts.items())]
