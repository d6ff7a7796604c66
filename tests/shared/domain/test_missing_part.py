"""The time when a crawl requests a part again that an earlier crawl gave up."""

from datetime import timedelta

import pytest

from crawljobs.domain import missing_part
from crawljobs.domain.missing_part import LISTINGS, MissingPart, PartKind, PartReason
from support.jobs import T0

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def part(kind: PartKind, failures: int, next_look: timedelta) -> MissingPart:
    return MissingPart(kind, "item", PartReason.TROUBLE, "500", failures, T0 + next_look)


@pytest.mark.parametrize("kind", PartKind)
def test_a_part_that_failed_again_is_due_at_its_time(kind: PartKind) -> None:
    assert part(kind, 1, HOUR).is_due(T0)
    assert not part(kind, 2, timedelta(seconds=1)).is_due(T0)
    assert part(kind, 2, timedelta(0)).is_due(T0)


@pytest.mark.parametrize("kind", PartKind)
@pytest.mark.parametrize("failures", [1, 2, 3, 7, 30, 100_000])
@pytest.mark.parametrize("first", [timedelta(seconds=1), HOUR, 30 * DAY])
def test_no_rule_puts_the_next_look_where_it_counts_as_passed(
    kind: PartKind, failures: int, first: timedelta
) -> None:
    delay = missing_part.next_try_delay(kind, failures, first=first)
    assert delay <= (DAY if kind in LISTINGS else 14 * DAY)
    for ahead in (delay, missing_part.POSTPONED):
        assert not part(kind, max(2, failures), ahead).is_due(T0)


@pytest.mark.parametrize("kind", PartKind)
@pytest.mark.parametrize("ahead", [15 * DAY, 400 * DAY, 100_000 * DAY])
def test_a_time_written_before_the_clock_was_set_back_blocks_nothing(
    kind: PartKind, ahead: timedelta
) -> None:
    assert part(kind, 5, ahead).is_due(T0)


@pytest.mark.parametrize(
    ("kind", "failures", "first", "delay"),
    [
        (PartKind.TREE, 0, HOUR, HOUR),
        (PartKind.TREE, 1, HOUR, HOUR),
        (PartKind.TREE, 2, HOUR, 2 * HOUR),
        (PartKind.TREE, 4, HOUR, 8 * HOUR),
        (PartKind.HISTORY, 17, timedelta(seconds=1), timedelta(seconds=65_536)),
        (PartKind.HISTORY, 30, timedelta(seconds=1), timedelta(seconds=65_536)),
        (PartKind.TREE, 30, HOUR, 14 * DAY),
        (PartKind.POSTS, 5, HOUR, 16 * HOUR),
        (PartKind.POSTS, 6, HOUR, DAY),
        (PartKind.COMMENTS, 30, HOUR, DAY),
    ],
)
def test_each_failure_doubles_the_delay_up_to_a_limit(
    kind: PartKind, failures: int, first: timedelta, delay: timedelta
) -> None:
    assert missing_part.next_try_delay(kind, failures, first=first) == delay


def test_a_time_more_than_14_days_and_a_minute_ahead_counts_as_passed() -> None:
    furthest = 14 * DAY + timedelta(minutes=1)
    assert not part(PartKind.TREE, 2, furthest).is_due(T0)
    assert part(PartKind.TREE, 2, furthest + timedelta(microseconds=1)).is_due(T0)


def test_rows_of_a_later_release_are_skipped() -> None:
    row = {
        "kind": "tree", "item": "abc", "reason": "trouble", "message": "500", "failures": 2,
        "next_look_at": T0.isoformat(), "seen_to": None,
    }  # fmt: skip
    rows = [row, {**row, "kind": "a_later_one"}, {**row, "reason": "a_later_one"}]
    known = MissingPart(PartKind.TREE, "abc", PartReason.TROUBLE, "500", 2, T0)
    assert missing_part.of_json(rows) == [known]
    assert missing_part.of_json(None) == []
