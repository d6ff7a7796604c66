"""An edit never fires a schedule, and loses none of the schedule's due times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crawljobs import errors
from crawljobs.domain import schedule_edit
from crawljobs.domain.schedule import (
    LISTED_ONE_BY_ONE,
    MisfirePolicy,
    Schedule,
    ScheduleSpec,
    Ticks,
)

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORDER = ScheduleSpec(name="s", subreddit_id=7, cron_expression="@hourly")


def schedule(next_run_at: datetime | None = NOON + HOUR, **changes: Any) -> Schedule:
    return Schedule(
        **{
            **vars(ORDER),
            "id": 1,
            "subreddit": "python",
            "anchor_at": NOON,
            "next_run_at": next_run_at,
            "last_run_at": None,
            "disabled_reason": None,
            "version": 1,
            "created_at": NOON,
            "updated_at": NOON,
            **changes,
        }
    )


def edited(before: Schedule, now: datetime, **changes: Any) -> schedule_edit.Edit:
    return schedule_edit.edited(before, replace(before.spec(), **changes), now=now)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "t"},
        {"priority": 99},
        {"max_retries": 0},
        {"subreddit_id": 8},
        {"misfire_policy": MisfirePolicy.SKIP},
        {"misfire_deadline_seconds": 60},
        {"cron_expression": " @Hourly "},
    ],
)
def test_what_does_not_change_the_timing_leaves_a_due_tick_to_the_schedulers(
    changes: dict[str, Any],
) -> None:
    edit = edited(schedule(), NOON + 3 * HOUR, **changes)
    assert edit.next_run_at == NOON + HOUR
    assert edit.given_up == ()
    assert edit.anchor == NOON
    assert not edit.mends


@pytest.mark.parametrize(
    ("changes", "next_run_at"),
    [
        ({"cron_expression": "30 * * * *"}, NOON + 3.5 * HOUR),
        ({"timezone": "Asia/Kathmandu"}, NOON + 3.25 * HOUR),
        ({"cron_expression": "@every 2h"}, NOON + 5 * HOUR + timedelta(seconds=1)),
        ({"enabled": False}, None),
    ],
)
def test_a_change_of_timing_counts_from_now_and_gives_up_what_was_due(
    changes: dict[str, Any], next_run_at: datetime | None
) -> None:
    edit = edited(schedule(), NOON + 3 * HOUR + timedelta(seconds=1), **changes)
    assert edit.next_run_at == next_run_at
    assert edit.given_up == tuple(Ticks(NOON + h * HOUR, NOON + h * HOUR, 1) for h in (1, 2, 3))


def test_nothing_is_given_up_when_nothing_was_due() -> None:
    assert edited(schedule(), NOON, cron_expression="@daily").given_up == ()
    assert edited(schedule(None, enabled=False), NOON, cron_expression="@daily").given_up == ()


def test_a_long_time_given_up_is_told_as_one() -> None:
    missed, latest = edited(schedule(), NOON + 100 * HOUR, enabled=False).given_up
    assert missed == Ticks(NOON + HOUR, NOON + 99 * HOUR, 99)
    assert missed.count > LISTED_ONE_BY_ONE
    assert latest == Ticks(NOON + 100 * HOUR, NOON + 100 * HOUR, 1)


def test_turned_on_again_it_is_due_at_its_next_time_and_an_interval_keeps_its_anchor() -> None:
    off = schedule(None, enabled=False, cron_expression="@every 7h", disabled_reason="broken")
    edit = edited(off, NOON + 8 * HOUR, enabled=True)
    assert edit.anchor == NOON
    assert edit.next_run_at == NOON + 14 * HOUR
    assert edit.given_up == ()
    assert edit.mends


def test_another_spread_does_not_bring_back_the_time_that_just_fired() -> None:
    fired = schedule(NOON + HOUR)
    edit = edited(fired, NOON + timedelta(seconds=1), spread_seconds=600)
    assert edit.next_run_at is not None
    assert NOON + HOUR < edit.next_run_at < NOON + HOUR + timedelta(minutes=10)


def test_another_spread_keeps_the_time_whose_place_has_not_come_yet() -> None:
    an_hour = schedule(spread_seconds=3600)
    place = an_hour.due_times().offset  # the offset of noon's run
    waits = replace(an_hour, next_run_at=NOON + place)
    later = edited(waits, NOON + place / 2, spread_seconds=7200)
    assert later.next_run_at is not None
    assert abs(later.next_run_at - NOON - 2 * place) <= timedelta(milliseconds=1)
    sooner = edited(waits, NOON + place / 2, spread_seconds=0)
    assert sooner.next_run_at == NOON + HOUR  # the new time has passed, and an edit never fires
    assert sooner.given_up == (Ticks(NOON, NOON, 1),)
    assert later.given_up == ()
    fired = replace(an_hour, next_run_at=NOON + HOUR + place)
    again = edited(fired, NOON + place * 1.5, spread_seconds=7200)
    assert again.next_run_at is not None
    assert abs(again.next_run_at - NOON - HOUR - 2 * place) <= timedelta(milliseconds=1)


def test_a_new_interval_counts_from_the_edit() -> None:
    now = NOON + timedelta(minutes=7)
    edit = edited(schedule(), now, cron_expression="@every 90m")
    assert (edit.anchor, edit.next_run_at) == (now, now + timedelta(minutes=90))
    assert edit.runs_per_day == 16


def test_a_schedule_that_cannot_be_understood_can_be_turned_off_and_renamed_but_not_on() -> None:
    broken = schedule(timezone="Mars/Olympus")
    assert edited(broken, NOON + 2 * HOUR, enabled=False).given_up == ()
    off = replace(broken, enabled=False, next_run_at=None, disabled_reason="no such zone")
    assert not edited(off, NOON, name="t").mends
    with pytest.raises(errors.InvalidCron):
        edited(off, NOON, enabled=True)
    assert edited(off, NOON, timezone="UTC").mends


def test_a_new_schedule_is_due_at_its_next_time() -> None:
    edit = schedule_edit.first(replace(ORDER, spread_seconds=600), schedule_id=1, now=NOON)
    assert edit.next_run_at is not None
    assert NOON < edit.next_run_at < NOON + timedelta(minutes=10)
    assert edit.spec.cron_expression == "@hourly"
    assert edit.runs_per_day == 24


def test_a_tick_that_is_due_at_the_time_of_the_edit_is_given_up() -> None:
    edit = edited(schedule(), NOON + HOUR, enabled=False)
    assert edit.given_up == (Ticks(NOON + HOUR, NOON + HOUR, 1),)
    just_before = edited(schedule(), NOON + HOUR - timedelta(microseconds=1), enabled=False)
    assert just_before.given_up == ()


def test_neither_a_new_schedule_nor_a_disabled_one_counts_as_mended() -> None:
    assert not schedule_edit.first(ORDER, schedule_id=1, now=NOON).mends
    broken = schedule(timezone="Mars/Olympus", disabled_reason="no such zone")
    assert not edited(broken, NOON, enabled=False).mends


def test_another_spread_of_a_disabled_schedule_leaves_it_without_a_due_time() -> None:
    edit = edited(schedule(None, enabled=False), NOON + HOUR, spread_seconds=600)
    assert (edit.next_run_at, edit.given_up) == (None, ())
