"""When a subreddit is worth another visit, by its own rate of new items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

DAY = timedelta(days=1)
# The rate is that of the newest items, as many as tell it well, none older than two weeks.
NEWEST_ITEMS = 200
NEWEST_WITHIN = timedelta(days=14)
# The hours at which posts come are those of eight weeks: fewer would be noise.
RHYTHM_WITHIN = timedelta(days=56)
RHYTHM_ITEMS = 1_000
RHYTHM_ITEMS_MIN = 50
# Visits rarer than this are moved to the hour after which least is left waiting.
RHYTHM_FROM = timedelta(hours=16)
RHYTHM_CLOSEST = timedelta(hours=8)


@dataclass(frozen=True)
class RevisitPolicy:
    """`items` are those a visit is meant to find; a listing shows `capacity` of them safely."""

    items: float = 50.0
    shortest: timedelta = timedelta(minutes=10)
    longest: timedelta = timedelta(days=14)
    capacity: float = 700.0


@dataclass(frozen=True)
class Activity:
    """Items a day, in the busier of both listings; posts by the hour (UTC) they came at."""

    per_day: float
    by_hour: Sequence[int] = ()


def per_day(count: int, oldest: datetime | None, *, now: datetime) -> float:
    """The rate that the newest `count` items tell, the oldest of them of that time."""
    if count == 0 or oldest is None:
        return 0.0
    span = now - oldest if count >= NEWEST_ITEMS else NEWEST_WITHIN
    return count / max(span / DAY, 1e-6)


def interval(rate: float, *, policy: RevisitPolicy) -> timedelta:
    """`rate` in items a day. Never so long that a listing could not show all that came."""
    if rate <= 0:
        return policy.longest
    days = max(policy.items / rate, policy.shortest / DAY)
    return min(days, policy.longest / DAY, policy.capacity / rate) * DAY


def next_visit(activity: Activity, *, now: datetime, policy: RevisitPolicy) -> datetime:
    """After the interval; a visit days away is at the hour when the day's posts have come."""
    wanted = interval(activity.per_day, policy=policy)
    hour = best_hour(activity.by_hour)
    if wanted < RHYTHM_FROM or hour is None:
        return now + wanted
    at = _nearest(now + wanted, hour)
    while at < now + RHYTHM_CLOSEST:
        at += DAY
    latest = now + interval(activity.per_day, policy=replace(policy, items=policy.capacity))
    while at > latest and at - DAY > now:
        at -= DAY
    return min(at, latest)


def best_hour(by_hour: Sequence[int]) -> int | None:
    """The hour at whose start a daily visit finds posts youngest; None when too few are known."""
    if sum(by_hour) < RHYTHM_ITEMS_MIN:
        return None

    def waiting(hour: int) -> float:
        return sum(n * ((hour - at - 0.5) % 24) for at, n in enumerate(by_hour))

    return min(range(24), key=waiting)


def _nearest(moment: datetime, hour: int) -> datetime:
    """The start of that hour (UTC) closest to the moment."""
    same_day = moment.replace(hour=hour, minute=0, second=0, microsecond=0)
    around = (same_day - DAY, same_day, same_day + DAY)
    return min(around, key=lambda at: abs(at - moment))
