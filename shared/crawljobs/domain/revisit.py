"""Compute when to visit (crawl) a subreddit again, from its rate of new posts and comments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

DAY = timedelta(days=1)
# The rate is measured from the newest items: at most 200 items, and none older than two weeks.
NEWEST_ITEMS = 200
NEWEST_WITHIN = timedelta(days=14)
# The best hour of the day for a visit depends on the hours at which the last RHYTHM_ITEMS posts of
# eight weeks were created. A shorter time would give random results. Fewer than RHYTHM_ITEMS_MIN
# posts have no best hour.
RHYTHM_WITHIN = timedelta(days=56)
RHYTHM_ITEMS = 1_000
RHYTHM_ITEMS_MIN = 50
# If the next visit is at least this time away, it is moved to the best hour of the day. A crawl at
# this hour finds posts that are, on average, younger than at any other hour.
RHYTHM_FROM = timedelta(hours=16)
# A visit is not moved to a time that is less than RHYTHM_CLOSEST from now.
RHYTHM_CLOSEST = timedelta(hours=8)


@dataclass(frozen=True)
class RevisitPolicy:
    """The rule for the interval between two visits (crawls) of a subreddit.

    - `items`: the next visit is due when about this number of new items is expected.
    - `shortest`, `longest`: the limits of the interval.
    - `capacity`: the number of items that a listing reliably shows. If more new items are expected
      within `shortest`, the interval is shorter than `shortest`.
    """

    items: float = 50.0
    shortest: timedelta = timedelta(minutes=10)
    longest: timedelta = timedelta(days=14)
    capacity: float = 700.0


@dataclass(frozen=True)
class Activity:
    """How many new posts and comments a subreddit gets."""

    per_day: float  # the higher of two rates: new posts a day, new comments a day
    by_hour: Sequence[int] = ()  # the number of posts created in each hour of the day (UTC)


def per_day(count: int, oldest: datetime | None, *, now: datetime) -> float:
    """Return the number of items a day.

    `oldest` is the creation time of the oldest of the `count` newest items. The rate is `count`
    divided by the time since `oldest`. If `count` is less than NEWEST_ITEMS, the time is
    NEWEST_WITHIN.
    """
    if count == 0 or oldest is None:
        return 0.0
    span = now - oldest if count >= NEWEST_ITEMS else NEWEST_WITHIN
    return count / max(span / DAY, 1e-6)


def interval(rate: float, *, policy: RevisitPolicy) -> timedelta:
    """Return the time between two visits, for `rate` items a day.

    The time is short enough that a listing still shows every new item at the next visit.
    """
    if rate <= 0:
        return policy.longest
    days = max(policy.items / rate, policy.shortest / DAY)
    return min(days, policy.longest / DAY, policy.capacity / rate) * DAY


def next_visit(activity: Activity, *, now: datetime, policy: RevisitPolicy) -> datetime:
    """Return the time of the next visit.

    A visit that is at least RHYTHM_FROM away is moved to the best hour of the day. The new time is
    early enough that a listing still shows every new item.
    """
    delay = interval(activity.per_day, policy=policy)
    hour = best_hour(activity.by_hour)
    if delay < RHYTHM_FROM or hour is None:
        return now + delay
    at = _nearest(now + delay, hour)
    while at < now + RHYTHM_CLOSEST:
        at += DAY
    latest = now + interval(activity.per_day, policy=replace(policy, items=policy.capacity))
    while at > latest and at - DAY > now:
        at -= DAY
    return min(at, latest)


def best_hour(by_hour: Sequence[int]) -> int | None:
    """Return the hour (UTC) at which a crawl finds the youngest posts, or None if posts are few."""
    if sum(by_hour) < RHYTHM_ITEMS_MIN:
        return None

    def waiting(hour: int) -> float:
        return sum(n * ((hour - at - 0.5) % 24) for at, n in enumerate(by_hour))

    return min(range(24), key=waiting)


def _nearest(moment: datetime, hour: int) -> datetime:
    """Return the time closest to `moment` at which `hour` (UTC) starts."""
    same_day = moment.replace(hour=hour, minute=0, second=0, microsecond=0)
    around = (same_day - DAY, same_day, same_day + DAY)
    return min(around, key=lambda at: abs(at - moment))
