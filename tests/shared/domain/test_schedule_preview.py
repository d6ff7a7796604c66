"""The preview of an expression before it is stored: its next times and notes on clock changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crawljobs.domain import cron, schedule_preview
from crawljobs.domain.schedule_preview import Upcoming

SPRING = datetime(2024, 3, 30, 12, tzinfo=UTC)  # Berlin: 02:00 becomes 03:00 on 2024-03-31
AUTUMN = datetime(2024, 10, 26, 12, tzinfo=UTC)  # Berlin: 03:00 becomes 02:00 on 2024-10-27


def upcoming(
    expression: str, now: datetime, count: int = 3, zone: str = "Europe/Berlin"
) -> list[Upcoming]:
    parsed = cron.parse(expression, zone)
    return list(schedule_preview.upcoming(parsed, now=now, count=count))


def test_shows_the_next_times_in_utc_and_on_the_zone_s_clock() -> None:
    first, second = upcoming("30 6 * * *", SPRING, count=2)
    assert first.utc == datetime(2024, 3, 31, 4, 30, tzinfo=UTC)
    assert first.local.isoformat() == "2024-03-31T06:30:00+02:00"
    assert second.utc - first.utc == timedelta(days=1)
    assert first.note is None


def test_says_that_a_skipped_time_runs_right_after() -> None:
    skipped, later = upcoming("30 2 * * *", SPRING, count=2)
    assert skipped.local.isoformat() == "2024-03-31T03:00:00+02:00"
    assert skipped.note == (
        "02:30 does not exist on 2024-03-31: clocks go forward from 02:00 to 03:00. "
        "It runs right after."
    )
    assert later.note is None


@pytest.mark.parametrize("expression", ["0 3 * * *", "* 2,3 * * *", "@every 1h"])
def test_a_time_that_exists_needs_no_note_at_the_change(expression: str) -> None:
    assert [one.note for one in upcoming(expression, SPRING, count=20)] == [None] * 20


def test_says_that_a_repeated_time_runs_once() -> None:
    first, second = upcoming("30 2 * * *", AUTUMN, count=2)
    assert first.local.isoformat() == "2024-10-27T02:30:00+02:00"
    assert first.note == (
        "02:30 comes twice on 2024-10-27: clocks go back. It runs the first time only."
    )
    assert second.local.date().isoformat() == "2024-10-28"


@pytest.mark.parametrize("expression", ["30 * * * *", "@every 1h"])
def test_says_which_of_two_equal_times_it_is(expression: str) -> None:
    now = datetime(2024, 10, 26, 23, 30, tzinfo=UTC)
    notes = [one.note for one in upcoming(expression, now, count=3)]
    twice = "02:30 comes twice on 2024-10-27: clocks go back. This is the"
    assert notes == [f"{twice} first time.", f"{twice} second time.", None]


def test_names_the_day_that_was_skipped_whole() -> None:
    now = datetime(2011, 12, 30, 8, tzinfo=UTC)  # Apia skipped 30 December 2011
    (skipped,) = upcoming("0 0 30 12 *", now, count=1, zone="Pacific/Apia")
    assert skipped.local == datetime(2011, 12, 31, tzinfo=ZoneInfo("Pacific/Apia"))
    assert skipped.note is not None
    assert skipped.note.startswith("00:00 does not exist on 2011-12-30")


def test_an_interval_counts_from_now() -> None:
    assert [one.utc for one in upcoming("@every 90m", SPRING, count=2)] == [
        SPRING + timedelta(minutes=90),
        SPRING + timedelta(minutes=180),
    ]


def test_shows_fewer_when_the_calendar_ends() -> None:
    late = datetime(9999, 12, 29, 12, tzinfo=UTC)
    assert len(upcoming("@daily", late, count=10, zone="UTC")) == 2


@pytest.mark.parametrize("expression", ["0 0 29 2 MON#5", "0 0 29 2 *", "* * * * *"])
def test_a_long_preview_of_a_rare_date_takes_a_moment(expression: str) -> None:
    began = datetime.now(UTC)
    assert upcoming(expression, SPRING, count=20)
    assert datetime.now(UTC) - began < timedelta(seconds=5)
