"""A due schedule: the due times that it missed, the run that it starts, and its next due time."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawljobs.domain import cron, tick_count
from crawljobs.domain.due_times import DueTimes
from crawljobs.domain.schedule import (
    LISTED_ONE_BY_ONE,
    ON_TIME,
    Firing,
    MisfirePolicy,
    Schedule,
    ScheduleSpec,
    Ticks,
    when_due,
)

DUE = datetime(2024, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def decide(
    expression: str,
    late: timedelta,
    policy: MisfirePolicy = MisfirePolicy.FIRE_ONCE,
    due_at: datetime = DUE,
) -> Firing:
    times = DueTimes(cron.parse(expression, "UTC"), DUE)
    deadline = ON_TIME if policy is MisfirePolicy.SKIP else None
    return when_due(times, due_at=due_at, now=due_at + late, deadline=deadline)


@pytest.mark.parametrize("policy", list(MisfirePolicy))
def test_a_tick_on_time_fires_and_nothing_is_missed(policy: MisfirePolicy) -> None:
    assert decide("@daily", SECOND, policy) == Firing(
        missed=(), due_at=DUE, fires=True, next_run_at=DUE + timedelta(days=1)
    )


def test_the_next_due_time_is_later_than_now_even_at_the_exact_tick() -> None:
    assert decide("@hourly", timedelta(hours=1)).next_run_at == DUE + timedelta(hours=2)


def test_fire_once_fires_the_latest_tick_however_late() -> None:
    firing = decide("@daily", timedelta(days=3, hours=7))
    assert firing.due_at == DUE + timedelta(days=3)
    assert firing.fires
    assert firing.missed == tuple(
        Ticks(DUE + timedelta(days=day), DUE + timedelta(days=day), 1) for day in range(3)
    )
    assert firing.next_run_at == DUE + timedelta(days=4)


def test_skip_does_not_fire_a_tick_that_is_too_late() -> None:
    firing = decide("@daily", timedelta(days=1) + ON_TIME + SECOND, MisfirePolicy.SKIP)
    assert not firing.fires
    assert firing.due_at == DUE + timedelta(days=1)
    assert [ticks.first for ticks in firing.missed] == [DUE]


def test_skip_still_fires_the_latest_tick_when_that_one_is_on_time() -> None:
    assert decide("@daily", timedelta(days=1) + ON_TIME, MisfirePolicy.SKIP).fires


def test_a_deadline_holds_under_either_policy() -> None:
    times = DueTimes(cron.parse("@daily", "UTC"), DUE)
    for late, fires in ((timedelta(minutes=30), True), (timedelta(minutes=30, seconds=1), False)):
        firing = when_due(times, due_at=DUE, now=DUE + late, deadline=timedelta(minutes=30))
        assert (firing.fires, firing.missed) == (fires, ())


@pytest.mark.parametrize(
    ("policy", "seconds", "deadline"),
    [
        (MisfirePolicy.FIRE_ONCE, None, None),
        (MisfirePolicy.SKIP, None, ON_TIME),
        (MisfirePolicy.FIRE_ONCE, 60, timedelta(minutes=1)),
        (MisfirePolicy.SKIP, 7200, timedelta(hours=2)),
    ],
)
def test_the_policy_says_how_late_unless_the_schedule_does(
    policy: MisfirePolicy, seconds: int | None, deadline: timedelta | None
) -> None:
    order = ScheduleSpec("s", 1, "@daily", misfire_policy=policy, misfire_deadline_seconds=seconds)
    made = Schedule(
        **vars(order),
        id=1,
        subreddit="python",
        anchor_at=DUE,
        next_run_at=DUE,
        last_run_at=None,
        disabled_reason=None,
        version=1,
        created_at=DUE,
        updated_at=DUE,
    )
    assert made.deadline() == deadline
    assert made.spec() == order


@pytest.mark.parametrize("extra", [0, 1])
def test_a_long_run_of_missed_ticks_is_told_as_one(extra: int) -> None:
    count = LISTED_ONE_BY_ONE + extra
    missed = decide("@hourly", timedelta(hours=count)).missed
    assert sum(ticks.count for ticks in missed) == count
    assert missed[0].first == DUE
    assert missed[-1].last == DUE + timedelta(hours=count - 1)
    assert len(missed) == (1 if extra else count)


@pytest.mark.parametrize("expression", ["@every 60s", "* * * * *"])
def test_a_year_of_missed_minutes_is_decided_at_once(expression: str) -> None:
    began = time.monotonic()
    firing = decide(expression, timedelta(days=365, seconds=30))
    assert time.monotonic() - began < 1.0
    year = 365 * 24 * 60
    assert firing.missed == (Ticks(DUE, DUE + timedelta(minutes=year - 1), year),)
    assert firing.due_at == DUE + timedelta(days=365)
    assert firing.next_run_at == firing.due_at + timedelta(minutes=1)


def test_a_due_time_written_by_hand_is_fired_and_the_timetable_goes_on() -> None:
    firing = decide("@daily", SECOND, due_at=DUE + timedelta(hours=5, microseconds=3))
    assert firing == Firing((), DUE + timedelta(hours=5, microseconds=3), True, DUE + 24 * HOUR)


HOUR = timedelta(hours=1)


@given(
    expression=st.sampled_from(["*/13 * * * *", "0,30 2 * * *", "@every 61s", "5 1 * * 1-5"]),
    minutes=st.integers(0, 60 * 24 * 4),
    offset=st.sampled_from([timedelta(0), timedelta(minutes=47, milliseconds=3)]),
)
def test_every_tick_is_accounted_for_exactly_once(
    expression: str, minutes: int, offset: timedelta
) -> None:
    parsed = cron.parse(expression, "Europe/Berlin")
    start = datetime(2024, 10, 25, tzinfo=UTC)
    times = DueTimes(parsed, start, offset)
    first = times.next_after(start)
    now = first + timedelta(minutes=minutes)
    firing = when_due(times, due_at=first, now=now, deadline=None)
    walked = tick_count.walk(parsed, after=start - offset, until=now - offset, anchor=start)
    due = [tick + offset for tick in walked]
    assert sum(ticks.count for ticks in firing.missed) + 1 == len(due)
    assert firing.due_at == due[-1]
    told = [time for ticks in firing.missed for time in (ticks.first, ticks.last)]
    assert told == sorted(told)
    assert set(told) <= set(due[:-1])
    assert firing.next_run_at > now
