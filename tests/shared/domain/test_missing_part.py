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
