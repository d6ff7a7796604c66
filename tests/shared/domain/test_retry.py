from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawljobs.domain import retry
from crawljobs.domain.job import ErrorKind

POLICY = retry.RetryPolicy()


@pytest.mark.parametrize(
    ("retry_count", "minutes"),
    [(0, 1), (1, 2), (2, 4), (3, 8), (9, 512), (10, 1024), (11, 1440), (1_000_000, 1440)],
)
def test_delay_doubles_from_a_minute_to_a_day(retry_count: int, minutes: int) -> None:
    delay = retry.retry_delay(retry_count, policy=POLICY, uniform=lambda a, b: 0.0)
    assert delay == timedelta(minutes=minutes)


def test_jitter_is_a_fifth_to_both_sides_and_the_cap_comes_after_it() -> None:
    drawn = []

    def highest(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    assert retry.retry_delay(0, policy=POLICY, uniform=highest) == timedelta(seconds=72)
    assert retry.retry_delay(20, policy=POLICY, uniform=highest) == timedelta(hours=24)
    assert drawn[0] == (-0.2, 0.2)


@given(st.integers(0, 10**6), st.floats(-0.2, 0.2))
def test_delay_is_never_zero_nor_above_a_day(retry_count: int, drawn: float) -> None:
    delay = retry.retry_delay(retry_count, policy=POLICY, uniform=lambda a, b: drawn)
    assert timedelta(0) < delay <= timedelta(hours=24)


def after(kind: ErrorKind, retry_count: int) -> retry.ScheduleRetry | retry.Fail:
    return retry.after_failure(
        kind=kind, retry_count=retry_count, max_retries=3, policy=POLICY, uniform=lambda a, b: 0.0
    )


def test_a_retryable_error_is_retried_until_the_retries_are_used_up() -> None:
    assert after(ErrorKind.RETRYABLE, 2) == retry.ScheduleRetry(timedelta(minutes=4))
    assert isinstance(after(ErrorKind.RETRYABLE, 3), retry.Fail)


def test_a_permanent_error_is_never_retried() -> None:
    assert isinstance(after(ErrorKind.PERMANENT, 0), retry.Fail)
