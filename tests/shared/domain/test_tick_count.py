"""The computed number of due times equals the number that a step-by-step search finds."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawljobs.domain import cron, tick_count, zones

START = datetime(2024, 3, 9, 5, 17, 30, tzinfo=UTC)
ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Antarctica/Troll"]
EXPRESSIONS = [
    "* * * * *",
    "*/7 1-3 * * *",
    "0,30 2 * * *",
    "30 0 * * 0",
    "15 3 1,15 * MON",
    "0 0 L * *",
    "0 12 29 2 *",
    "@every 7h13m",
    "@every 61s",
]


@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(ZONES),
    start=st.integers(-500_000, 20_000_000),
    hours=st.integers(0, 70),
    seconds=st.integers(0, 3599),
)
def test_counts_what_walking_counts(
    expression: str, zone: str, start: int, hours: int, seconds: int
) -> None:
    parsed = cron.parse(expression, zone)
    after = START + timedelta(seconds=start)
    until = after + timedelta(hours=hours, seconds=seconds)
    walked = list(tick_count.walk(parsed, after=after, until=until, anchor=START))
    assert tick_count.count(parsed, after=after, until=until, anchor=START) == len(walked)
    if walked:
        end = until + timedelta(microseconds=1)
        last = tick_count.last_before(parsed, tick=walked[0], before=end, anchor=START)
        assert last == walked[-1]


@settings(max_examples=40)
@given(
    expression=st.sampled_from(["30 2 * * *", "15 0,3 * * MON", "0 2 1,15 * *", "45 23 L * *"]),
    zone=st.sampled_from(ZONES),
    start=st.integers(0, 40_000_000),
    hours=st.integers(0, 15_000),
)
def test_counts_what_walking_counts_over_many_clock_changes(
    expression: str, zone: str, start: int, hours: int
) -> None:
    parsed = cron.parse(expression, zone)
    after = START + timedelta(seconds=start, microseconds=start)
    until = after + timedelta(hours=hours, seconds=start % 3600)
    walked = sum(1 for _ in tick_count.walk(parsed, after=after, until=until, anchor=START))
    assert tick_count.count(parsed, after=after, until=until, anchor=START) == walked


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_counts_every_minute_of_ten_years(zone: str) -> None:
    parsed = cron.parse("* * * * *", zone)
    until = START + timedelta(days=3650)
    assert tick_count.count(parsed, after=START, until=until, anchor=START) == 3650 * 24 * 60


def test_counts_days_of_years_by_their_dates() -> None:
    parsed = cron.parse("30 2 * * *", "America/New_York")
    until = START + timedelta(days=366 * 4)
    expected = sum(1 for _ in tick_count.walk(parsed, after=START, until=until, anchor=START))
    assert tick_count.count(parsed, after=START, until=until, anchor=START) == expected


def test_does_not_count_the_second_pass_of_a_repeated_hour() -> None:
    parsed = cron.parse("30 1 * * *", "America/New_York")
    in_second_pass = datetime(2024, 11, 3, 6, 15, tzinfo=UTC)  # the second 01:15 of that night
    until = in_second_pass + timedelta(hours=3)
    assert tick_count.count(parsed, after=in_second_pass, until=until, anchor=START) == 0


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("before", [0, 0.5, 1, 3600])
@pytest.mark.parametrize("behind", [0, 1e-6, 0.25, 0.5, 0.999999, 1, 1.5])
def test_counts_up_to_a_fraction_of_a_second_after_a_clock_change(
    zone: str, before: float, behind: float
) -> None:
    """A late scheduler may read its clock at any microsecond."""
    change = zones.first_change(ZoneInfo(zone), START, START + timedelta(days=60))
    assert change is not None
    after, until = change - timedelta(seconds=before), change + timedelta(seconds=behind)
    expected = change if after < change else None
    assert zones.first_change(ZoneInfo(zone), after, until) == expected
    parsed = cron.parse("* * * * *", zone)
    walked = sum(1 for _ in tick_count.walk(parsed, after=after, until=until, anchor=START))
    assert tick_count.count(parsed, after=after, until=until, anchor=START) == walked


def test_nothing_lies_in_an_empty_stretch() -> None:
    for expression in EXPRESSIONS:
        parsed = cron.parse(expression, "UTC")
        for until in (START, START - timedelta(days=40)):
            assert tick_count.count(parsed, after=START, until=until, anchor=START) == 0


def test_the_tick_itself_is_the_last_when_no_other_follows() -> None:
    parsed = cron.parse("@daily", "UTC")
    tick = datetime(2024, 5, 1, tzinfo=UTC)
    before = tick + timedelta(hours=24)
    assert tick_count.last_before(parsed, tick=tick, before=before, anchor=START) == tick


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        ("@hourly", 24),
        ("*/5 * * * *", 288),
        ("0 9,17 * * MON-FRI", 2 * 5 / 7),
        ("@every 90m", 16),
        ("@monthly", 12 / 365.25),
        ("0 0 29 2 *", 0.25 / 365.25),
        ("0 0 * * 5#2", 12 / 365.25),
    ],
)
def test_tells_the_runs_of_an_average_day(expression: str, runs: float) -> None:
    assert tick_count.per_day(cron.parse(expression, "UTC")) == pytest.approx(runs, rel=1e-3)
