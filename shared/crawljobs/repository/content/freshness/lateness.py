"""The lateness of subreddits as SQL, and the numbers of subreddits in each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    func,
    literal_column,
    null,
    select,
)

from crawljobs.db.tables import subreddits
from crawljobs.domain.freshness import DUE_FROM, LATE_FROM, VERY_LATE_FROM, Lateness
from crawljobs.repository.sql import NOW, inline, inline_number, seconds

COUNT_MAX = 10_000  # limit of the counted subreddits in each range

_subreddit = subreddits.c


def ratio_of(row: FromClause) -> ColumnElement[float]:
    """Return the last crawl's age in wanted intervals. Null without a positive interval."""
    wanted = seconds(row.c.next_crawl_at - row.c.last_crawled_at)
    age = seconds(NOW - row.c.last_crawled_at)
    return case(
        (wanted > inline_number(0), func.greatest(age / wanted, literal_column("0.0"))),
        else_=null(),
    )


def lateness_of(row: FromClause) -> ColumnElement[str]:
    """Return the class of the subreddit, as `freshness` of domain/freshness.py does."""
    ratio = ratio_of(row)
    is_due = row.c.next_crawl_at <= NOW
    return case(
        (row.c.last_crawled_at.is_(None), inline(Lateness.NEVER)),
        (row.c.next_crawl_at.is_(None), inline(Lateness.UNPLANNED)),
        (and_(ratio.is_(None), is_due), inline(Lateness.DUE)),
        (ratio.is_(None), inline(Lateness.FRESH)),
        (ratio < literal_column(str(DUE_FROM)), inline(Lateness.FRESH)),
        (ratio <= literal_column(str(LATE_FROM)), inline(Lateness.DUE)),
        (ratio <= literal_column(str(VERY_LATE_FROM)), inline(Lateness.LATE)),
        else_=inline(Lateness.VERY_LATE),
    )


def _counted(walk: Select[datetime | None, datetime | None]) -> Select[str, int]:
    walked = walk.limit(inline_number(COUNT_MAX)).subquery("walked")
    lateness = lateness_of(walked)
    return select(lateness.label("lateness"), func.count().label("subreddits")).group_by(lateness)


_times = select(_subreddit.last_crawled_at, _subreddit.next_crawl_at)
# Each subreddit is in one of these ranges, which are ranges of two indexes. The fourth range also
# has planned subreddits, which are left out.
DUE = _counted(_times.where(_subreddit.next_crawl_at <= NOW).order_by(_subreddit.next_crawl_at))
PLANNED = _counted(_times.where(_subreddit.next_crawl_at > NOW).order_by(_subreddit.next_crawl_at))
NEVER = _counted(_times.where(_subreddit.last_crawled_at.is_(None)))
CRAWLED = _counted(
    _times.where(_subreddit.last_crawled_at.is_not(None)).order_by(
        _subreddit.last_crawled_at.desc()
    )
)


@dataclass(frozen=True)
class LatenessCounts:
    """The numbers of subreddits by class. Classes in `at_least` may have more subreddits."""

    by_class: Mapping[Lateness, int]
    at_least: frozenset[Lateness]


def count_lateness(conn: Connection, *, now: datetime | None = None) -> LatenessCounts:
    """Return how many subreddits each class has.

    Reads at most COUNT_MAX subreddits of each of four ranges: those that have been due longest,
    those that are due next, those without a crawl, and those that were crawled most recently.
    """
    by_class = dict.fromkeys(Lateness, 0)
    at_least: set[Lateness] = set()
    late = {Lateness.DUE, Lateness.LATE, Lateness.VERY_LATE}
    for statement, classes in (
        (DUE, late),
        (PLANNED, {Lateness.FRESH}),
        (NEVER, {Lateness.NEVER}),
        (CRAWLED, {Lateness.UNPLANNED}),
    ):
        found = {
            Lateness(row.lateness): row.subreddits for row in conn.execute(statement, {"now": now})
        }
        if sum(found.values()) >= COUNT_MAX:
            at_least |= classes
        for each in classes:
            by_class[each] += found.get(each, 0)
    return LatenessCounts(by_class, frozenset(at_least))
