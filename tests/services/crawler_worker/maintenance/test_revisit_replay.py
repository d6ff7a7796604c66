"""Replays a year of twelve subreddits, visited every 24 hours or at adaptive intervals.

Daily visits are replayed from each hour of the day, and their mean is compared. The target of
adaptive visits is a setting. The test sets a target that makes the visits rare enough for the
comparison. The history has only posts, and each subreddit has a few posts per day.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import fmean

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain import revisit
from crawljobs.domain.revisit import RevisitPolicy
from crawljobs.repository.content import recent_activity, stored_subreddits
from support import crawled, recordings, replayed_visits
from support.replayed_visits import Cost

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# The number of new posts that a visit should find. With this target, adaptive visits make at most
# 0.7 times the requests of daily visits.
TARGET_SPARING = 11.5
History = list[list[datetime]]


@pytest.fixture(scope="module")
def history() -> History:
    file = recordings.folder() / "timeseries" / "posts.ndjson"
    by_name: dict[str, list[datetime]] = defaultdict(list)
    for line in file.read_text().splitlines():
        post = json.loads(line)
        by_name[post["subreddit"]].append(replayed_visits.moment(post["created_utc"]))
    return [sorted(times) for times in by_name.values()]


@pytest.fixture(scope="module")
def observed(history: History) -> tuple[datetime, datetime]:
    """Return when the replay begins, and when it ends.

    After the end, each rule still makes a visit.
    """
    file = recordings.folder() / "timeseries" / "snapshots.ndjson"
    first, *_, last = file.read_text().splitlines()
    begins, ends = (replayed_visits.moment(json.loads(line)["t"]) for line in (first, last))
    return begins, ends - RevisitPolicy().longest


def fixed(history: History, observed: tuple[datetime, datetime], phase: timedelta) -> Cost:
    begins, ends = observed
    return replayed_visits.replay(
        history, begins=begins + phase, ends=ends, next_visit=lambda _, now: now + DAY
    )


def adaptive(history: History, observed: tuple[datetime, datetime], items: float) -> Cost:
    policy = RevisitPolicy(items=items)

    def next_visit(times: Sequence[datetime], now: datetime) -> datetime:
        return revisit.next_visit(replayed_visits.activity(times, now), now=now, policy=policy)

    begins, ends = observed
    return replayed_visits.replay(history, begins=begins, ends=ends, next_visit=next_visit)


def test_adaptive_visits_catch_every_post_with_30_percent_fewer_requests_no_staler(
    history: History, observed: tuple[datetime, datetime]
) -> None:
    daily = [fixed(history, observed, hour * HOUR) for hour in range(24)]
    own_pace = adaptive(history, observed, TARGET_SPARING)
    mean_requests = fmean(cost.requests for cost in daily)
    mean_age = fmean(cost.median_age / HOUR for cost in daily)
    print(  # noqa: T201 - pytest shows the figures with -s
        f"\nfixed 24 h: {mean_requests:.0f} requests, median age {mean_age:.1f} h (from "
        f"{min(c.median_age for c in daily) / HOUR:.1f} to "
        f"{max(c.median_age for c in daily) / HOUR:.1f} by the hour they begin at)"
        f"\nadaptive: {own_pace.requests} requests, median age {own_pace.median_age / HOUR:.1f} h, "
        f"mean {own_pace.mean_age / HOUR:.1f} h, {own_pace.caught} of {own_pace.posts} caught"
    )
    assert own_pace.caught == own_pace.posts
    assert own_pace.requests <= 0.7 * mean_requests
    assert own_pace.median_age / HOUR <= mean_age


def test_the_default_target_catches_every_post_at_a_seventh_of_the_requests(
    history: History, observed: tuple[datetime, datetime]
) -> None:
    own_pace = adaptive(history, observed, RevisitPolicy().items)
    assert own_pace.caught == own_pace.posts
    assert own_pace.requests < fixed(history, observed, timedelta(0)).requests / 5


def test_the_repository_tells_the_activity_that_the_replay_computes(
    conn: Connection, history: History, observed: tuple[datetime, datetime]
) -> None:
    times = max(history, key=len)
    for name in ("quiet", "python"):
        stored_subreddits.ensure(conn, names=[name], discovered_from=None, depth=0)
    posts = [crawled.post(f"{n:x}", created_at=at) for n, at in enumerate(times)]
    crawled.store(conn, *posts)
    ids = {row.name: row.id for row in conn.execute(text("SELECT name, id FROM subreddits"))}
    for days in (1, 10, 100, 300):
        now = observed[0] + days * DAY
        told = recent_activity.activity(conn, subreddit_id=ids["python"], now=now)
        expected = replayed_visits.activity(times, now)
        assert told.per_day == pytest.approx(expected.per_day)
        assert tuple(told.by_hour) == tuple(expected.by_hour)
    nothing = recent_activity.activity(conn, subreddit_id=ids["quiet"], now=observed[1])
    assert nothing.per_day == 0
