"""The interval between visits of a subreddit follows its own rate of new items."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawljobs.domain import revisit
from crawljobs.domain.revisit import Activity, RevisitPolicy

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
POLICY = RevisitPolicy()
EVENING = tuple(20 if 17 <= hour < 21 else 0 for hour in range(24))


@pytest.mark.parametrize(
    ("per_day", "interval"),
    [
        (0, 14 * DAY),
        (1, 14 * DAY),
        (5, 10 * DAY),
        (50, DAY),
        (1_200, HOUR),
        (7_200, timedelta(minutes=10)),  # exactly the shortest interval
        (50_400, timedelta(minutes=10)),
        (100_800, timedelta(minutes=10)),  # 700 new items arrive in ten minutes
        (201_600, timedelta(minutes=5)),  # in ten minutes, more would arrive than a listing shows
    ],
)
def test_a_visit_finds_about_50_new_items_within_its_bounds(
    per_day: float, interval: timedelta
) -> None:
    assert revisit.interval(per_day, policy=POLICY) == interval


@given(st.floats(0, 1e9), st.floats(1, 700))
def test_an_interval_never_lets_more_come_than_a_listing_shows(rate: float, items: float) -> None:
    policy = RevisitPolicy(items=items)
    interval = revisit.interval(rate, policy=policy)
    assert timedelta(0) <= interval <= policy.longest
    assert interval / DAY * rate <= policy.capacity * (1 + 1e-6) + rate * 1e-6


def test_a_rare_visit_comes_when_the_days_posts_have_come() -> None:
    at = revisit.next_visit(Activity(5, EVENING), now=NOW, policy=POLICY)
    assert (at.hour, at.minute) == (21, 0)
    assert abs(at - NOW - 10 * DAY) <= 12 * HOUR


def test_a_frequent_visit_does_not_wait_for_an_hour() -> None:
    at = revisit.next_visit(Activity(100, EVENING), now=NOW, policy=POLICY)
    assert at - NOW == 12 * HOUR


def test_a_visit_on_the_full_hour_is_never_due_at_once() -> None:
    """The best hour is the current one. In a day, the listing would not show all new items."""
    now = NOW.replace(hour=21, minute=0, second=0, microsecond=0)
    assert revisit.best_hour(EVENING) == now.hour
    policy = replace(POLICY, items=690, capacity=700)
    at = revisit.next_visit(Activity(700 / (20 / 24), EVENING), now=now, policy=policy)
    assert at - now == 20 * HOUR


def test_a_rhythm_that_few_posts_tell_is_none() -> None:
    assert revisit.best_hour((1,) * 24) is None
    assert revisit.best_hour((49,) + (0,) * 23) is None
    assert revisit.best_hour((50,) + (0,) * 23) == 1
    at = revisit.next_visit(Activity(5, (1,) * 24), now=NOW, policy=POLICY)
    assert at - NOW == 10 * DAY


@given(
    st.floats(0, 1e6),
    st.lists(st.integers(0, 100), min_size=24, max_size=24),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_next_visit_is_always_ahead_and_never_too_late(
    per_day: float, by_hour: list[int], now: datetime
) -> None:
    at = revisit.next_visit(Activity(per_day, tuple(by_hour)), now=now, policy=POLICY)
    assert now < at <= now + POLICY.longest
    assert (at - now) / DAY * per_day <= POLICY.capacity * (1 + 1e-6) + per_day * 1e-6


def test_the_rate_is_that_of_the_newest_items() -> None:
    assert revisit.per_day(0, None, now=NOW) == 0
    assert revisit.per_day(28, NOW - 3 * DAY, now=NOW) == 2
    assert revisit.per_day(revisit.NEWEST_ITEMS, NOW - DAY, now=NOW) == revisit.NEWEST_ITEMS
    assert revisit.per_day(revisit.NEWEST_ITEMS, NOW, now=NOW) > 1e6


def test_a_rate_of_200_items_counts_from_the_oldest_and_of_199_over_two_weeks() -> None:
    assert revisit.per_day(199, NOW - DAY, now=NOW) == pytest.approx(199 / 14)
    assert revisit.per_day(200, NOW - DAY, now=NOW) == 200


@pytest.mark.parametrize(
    ("rate", "hour", "hours"),
    [
        (80, 12, 15),  # a visit in less than 16 hours stays where it is
        (75, 12, 9),  # a visit in 16 hours moves to 21:00
        (75, 13, 8),  # at least 8 hours lie before the visit
        (75, 14, 31),
    ],
)
def test_a_visit_moves_to_the_best_hour_from_16_hours_on(
    rate: float, hour: int, hours: int
) -> None:
    now = NOW.replace(hour=hour, minute=0)
    at = revisit.next_visit(Activity(rate, EVENING), now=now, policy=POLICY)
    assert at == now + hours * HOUR


def test_a_visit_at_the_last_possible_time_does_not_come_a_day_earlier() -> None:
    policy = replace(POLICY, items=30, capacity=33)
    at = revisit.next_visit(Activity(24, EVENING), now=NOW, policy=policy)
    assert at == NOW + 33 * HOUR


def test_one_new_item_a_day_has_an_interval_of_its_own() -> None:
    assert revisit.interval(1, policy=replace(POLICY, items=5)) == 5 * DAY
    assert revisit.interval(0.5, policy=replace(POLICY, items=5)) == 10 * DAY
