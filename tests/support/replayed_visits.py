"""Simulate visits of subreddits in a history of posts, to compare rules for the next visit."""

import bisect
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crawljobs.domain import revisit
from crawljobs.domain.revisit import Activity

PAGE = 100  # posts in the reply to one request
OLDER_IN_A_ROW = 25  # a visit stops after this many consecutive posts that it has seen before
CAPACITY = 1_000  # posts in a listing

Next = Callable[[Sequence[datetime], datetime], datetime]


@dataclass(frozen=True)
class Cost:
    """The cost of the visits, and their result. The ages are the posts' ages when stored."""

    posts: int
    caught: int
    requests: int
    median_age: timedelta
    mean_age: timedelta


def replay(
    history: Sequence[Sequence[datetime]], *, begins: datetime, ends: datetime, next_visit: Next
) -> Cost:
    """Visit each subreddit from `begins` on, and return the cost of all visits.

    `history` has the sorted times of each subreddit's posts. Posts from `begins` to `ends` count,
    even if a visit after `ends` finds them.
    """
    ages: list[timedelta] = []
    requests = posts = 0
    for times in history:
        posts += bisect.bisect_right(times, ends) - bisect.bisect_right(times, begins)
        last, visit = begins, begins
        while last < ends:
            low, high = bisect.bisect_right(times, last), bisect.bisect_right(times, visit)
            requests += max(1, -(-min(high - low + OLDER_IN_A_ROW, CAPACITY) // PAGE))
            shown = times[max(low, high - CAPACITY) : high]
            ages += [visit - at for at in shown if at <= ends]
            last, visit = visit, next_visit(times, visit)
            assert visit > last
    seconds = [age.total_seconds() for age in ages]
    return Cost(
        posts=posts,
        caught=len(ages),
        requests=requests,
        median_age=timedelta(seconds=statistics.median(seconds)),
        mean_age=timedelta(seconds=statistics.fmean(seconds)),
    )


def activity(times: Sequence[datetime], now: datetime) -> Activity:
    """Return the activity that the repository would compute from these posts, without database."""
    high = bisect.bisect_right(times, now)
    low = bisect.bisect_right(times, now - revisit.NEWEST_WITHIN)
    newest = times[max(low, high - revisit.NEWEST_ITEMS) : high]
    low = bisect.bisect_right(times, now - revisit.RHYTHM_WITHIN)
    by_hour = [0] * 24
    for at in times[max(low, high - revisit.RHYTHM_ITEMS) : high]:
        by_hour[at.hour] += 1
    rate = revisit.per_day(len(newest), newest[0] if newest else None, now=now)
    return Activity(per_day=rate, by_hour=tuple(by_hour))


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
