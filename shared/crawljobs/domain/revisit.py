"""When to crawl a subreddit again, by its rate of new items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

DAY = timedelta(days=1)
# The rate is measured over the newest items: at most 200, none older than two weeks.
NEWEST_ITEMS = 200
NEWEST_WITHIN = timedelta(days=14)
# The distribution of posts over the day is measured over eight weeks: less would be noise.
RHYTHM_WITHIN = timedelta(days=56)
RHYTHM_ITEMS = 1_000
RHYTHM_ITEMS_MIN = 50
# Visits with a longer interval than this are moved to the best hour of the day.
RHYTHM_FROM = timedelta(hours=16)
RHYTHM_CLOSEST = timedelta(hours=8)  # the shortest interval that a move may leave


@dataclass(frozen=True)
class RevisitPolicy:
    """A visit is due after about `items` new items, at the latest after `capacity` of them.

    A listing reliably shows `capacity` items.
    """

    items: float = 50.0
    shortest: timedelta = timedelta(minutes=10)
    longest: timedelta = timedelta(days=14)
    capacity: float = 700.0


@dataclass(frozen=True)
class Activity:
    """The activity of a subreddit."""

    per_day: float  # items a day, in the busier of both listings
    by_hour: Sequence[int] = ()  # posts by the hour (UTC) of their creation


def per_day(count: int, oldest: datetime | None, *, now: datetime) -> float:
    """Items a day, from the number of newest items and the time of the oldest of them."""
    if count == 0 or oldest is None:
        return 0.0
    span = now - oldest if count >= NEWEST_ITEMS else NEWEST_WITHIN
    return count / max(span / DAY, 1e-6)


def interval(rate: float, *, policy: RevisitPolicy) -> timedelta:
    """The time to the next visit, for a `rate` in items a day.

    It is short enough that a listing still shows every new item.
    """
    if rate <= 0:
        return policy.longest
    days = max(policy.items / rate, policy.shortest / DAY)
    return min(days, policy.longest / DAY, policy.capacity / rate) * DAY


def next_visit(activity: Activity, *, now: datetime, policy: RevisitPolicy) -> datetime:
    """The time of the next visit; a visit after RHYTHM_FROM or more moves to the best hour."""
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
    """The hour (UTC) at whose start the average post is youngest; None for too few posts."""
    if sum(by_hour) < RHYTHM_ITEMS_MIN:
        return None

    def waiting(hour: int) -> float:
        return sum(n * ((hour - at - 0.5) % 24) for at, n in enumerate(by_hour))

    return min(range(24), key=waiting)


def _nearest(moment: datetime, hour: int) -> datetime:
    """The start of `hour` (UTC) that is closest to `moment`."""
    same_day = moment.replace(hour=hour, minute=0, second=0, microsecond=0)
    around = (same_day - DAY, same_day, same_day + DAY)
    return min(around, key=lambda at: abs(at - moment))
