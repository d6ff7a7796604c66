from datetime import timedelta

import pytest

from crawljobs.domain import aging
from support.jobs import T0

POLICY = aging.AgingPolicy()


@pytest.mark.parametrize(
    ("minutes", "priority"),
    [(0, 20), (60, 20), (60.1, 30), (64.9, 30), (65, 40), (70, 50), (95, 100), (10_000, 100)],
)
def test_priority_grows_by_ten_every_five_minutes_beyond_the_hour(
    minutes: float, priority: int
) -> None:
    aged = aging.aged_priority(
        base=20, ceiling=100, queued_at=T0, now=T0 + timedelta(minutes=minutes), policy=POLICY
    )
    assert aged == priority


def test_background_work_stays_under_its_ceiling() -> None:
    long_after = T0 + timedelta(days=3)
    aged = aging.aged_priority(base=0, ceiling=40, queued_at=T0, now=long_after, policy=POLICY)
    assert aged == 40


def test_a_base_above_the_ceiling_is_not_lowered() -> None:
    long_after = T0 + timedelta(days=3)
    aged = aging.aged_priority(base=60, ceiling=40, queued_at=T0, now=long_after, policy=POLICY)
    assert aged == 60
