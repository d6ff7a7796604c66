"""A spread delays all due times of a schedule by one offset. Other schedules get other offsets."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawljobs.domain import cron
from crawljobs.domain.due_times import LONGEST_SPREAD, DueTimes, offset_of

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@given(schedule_id=st.integers(1, 2**63 - 1), spread=st.integers(0, 86_400))
def test_an_offset_is_within_the_spread_and_always_the_same(schedule_id: int, spread: int) -> None:
    offset = offset_of(schedule_id, spread_seconds=spread)
    assert timedelta(0) <= offset <= timedelta(seconds=max(0, spread - 0.001))
    assert offset == offset_of(schedule_id, spread_seconds=spread)


@pytest.mark.parametrize("first", [1, 7_000_000])
def test_schedules_made_in_a_row_share_the_spread_evenly(first: int) -> None:
    ids = range(first, first + 10_000)
    seconds = [int(offset_of(one, spread_seconds=600).total_seconds()) for one in ids]
    in_each = [seconds.count(second) for second in range(600)]
    assert min(in_each) >= 14
    assert max(in_each) <= 20


@given(
    expression=st.sampled_from(["*/13 * * * *", "30 2 * * *", "@every 61s"]),
    after=st.integers(0, 40 * 24 * 3600),
    spread=st.integers(0, 86_400),
)
def test_due_times_are_those_of_the_expression_moved(
    expression: str, after: int, spread: int
) -> None:
    parsed = cron.parse(expression, "Europe/Berlin")
    offset = offset_of(17, spread_seconds=spread)
    start = datetime(2024, 10, 1, tzinfo=UTC)
    plain, moved = DueTimes(parsed, start), DueTimes(parsed, start, offset)
    instant = start + timedelta(seconds=after)
    assert moved.next_after(instant + offset) == plain.next_after(instant) + offset
    until = instant + timedelta(hours=9)
    assert moved.count(after=instant + offset, until=until + offset) == plain.count(
        after=instant, until=until
    )


def test_the_last_due_time_before_another_is_moved_too() -> None:
    hourly = DueTimes(cron.parse("@hourly", "UTC"), NOON, timedelta(minutes=7))
    tick = NOON + timedelta(minutes=7)
    assert hourly.last_before(tick + 5 * HOUR, tick=tick) == tick + 4 * HOUR


def test_the_longest_spread_is_what_the_table_allows() -> None:
    assert timedelta(seconds=86_400) == LONGEST_SPREAD
