"""The forecast of a group adds up the requests of its steps, and tolerates any JSON."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crawljobs.domain.group import StepState
from crawljobs.domain.group_forecast import GroupForecast, StepUse, forecast
from crawljobs.domain.schedule_limit import DEFAULT_REQUESTS_PER_CRAWL

S = StepState
START = datetime(2031, 5, 4, 12, tzinfo=UTC)
NOW = START + timedelta(minutes=10)


def of(*steps: StepUse, running: bool = True, started: datetime | None = START) -> GroupForecast:
    return forecast(
        steps,
        steps_in_group=len(steps),
        started_at=started,
        until=NOW,
        is_running=running,
    )


def test_the_rest_is_known_from_the_job_or_from_the_last_crawl() -> None:
    found = of(
        StepUse(S.SUCCEEDED, sent=40),
        StepUse(S.ENQUEUED, sent=10, total=30, last=99),
        StepUse(S.PENDING, last=50),
        StepUse(S.HELD, last=20),
        StepUse(S.SKIPPED, last=70),
    )
    assert (found.used, found.expected) == (50, 50 + 20 + 50 + 20)
    assert found.per_minute == 5.0
    assert found.eta == NOW + timedelta(minutes=90 / 5)


def test_a_subreddit_without_a_crawl_counts_as_the_average() -> None:
    assert of(StepUse(S.PENDING, last=10), StepUse(S.PENDING)).expected == 20
    assert of(StepUse(S.PENDING)).expected == DEFAULT_REQUESTS_PER_CRAWL


def test_a_sample_stands_for_all_steps_of_the_group() -> None:
    sample = [StepUse(S.SUCCEEDED, sent=40), StepUse(S.PENDING, last=20)]
    found = forecast(sample, steps_in_group=2_000, started_at=START, until=NOW, is_running=True)
    assert (found.used, found.expected, found.is_estimate) == (40_000, 60_000, True)
    assert not of(*sample).is_estimate


@pytest.mark.parametrize("running", [True, False])
def test_only_a_running_group_has_an_end(running: bool) -> None:
    found = of(StepUse(S.ENQUEUED, sent=1, total=2), running=running)
    assert (found.eta is not None) is running


def test_nothing_is_known_before_the_first_request() -> None:
    for started in (None, START):
        found = of(StepUse(S.PENDING, last=5), started=started)
        assert (found.per_minute, found.eta) == (None, None)


def test_an_end_beyond_a_year_is_unknown() -> None:
    assert of(StepUse(S.ENQUEUED, sent=1, total=999_999)).eta is None


@pytest.mark.parametrize("value", [None, True, -1, 1.5, "7", [], {}, 10**30])
def test_a_checkpoint_may_hold_anything(value: Any) -> None:
    found = of(StepUse(S.ENQUEUED, sent=value, total=value, last=value))
    assert (found.used, found.expected) == (0, DEFAULT_REQUESTS_PER_CRAWL)
