"""The retry rule: whether a failed attempt is retried, and after which delay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from crawljobs.domain.job import ErrorKind

# A job that waits as `unclear` waits 1, 2, 4, ... minutes, then 4 hours each time; no attempt is
# charged. After 13 deferrals, about a day, it fails.
UNCLEAR_FIRST_SECONDS, UNCLEAR_LONGEST_SECONDS = 60.0, 14_400.0
UNCLEAR_DEFERRALS_MAX = 13


@dataclass(frozen=True)
class RetryPolicy:
    """The delay is base x 2^retry_count, with jitter, then capped."""

    base_seconds: float = 60.0
    max_hours: float = 24.0
    jitter: float = 0.2  # share of the delay, uniform to both sides


@dataclass(frozen=True)
class ScheduleRetry:
    """Try again after this delay."""

    delay: timedelta


@dataclass(frozen=True)
class Fail:
    """Do not try again."""

    reason: str


def retry_delay(
    retry_count: int, *, policy: RetryPolicy, uniform: Callable[[float, float], float]
) -> timedelta:
    """The delay before retry number `retry_count` (from 0): 0 < delay <= max_hours.

    `uniform(a, b)` draws the jitter. The cap is applied last, so that no jitter exceeds it.
    """
    cap = policy.max_hours * 3600.0
    # 2.0 ** 1024 overflows a float; the cap is reached long before.
    exponent = min(max(retry_count, 0), 64)
    exact = policy.base_seconds * 2.0**exponent
    jittered = exact * (1.0 + uniform(-policy.jitter, policy.jitter))
    return timedelta(seconds=min(jittered, cap))


def after_failure(
    *,
    kind: ErrorKind,
    retry_count: int,
    max_retries: int,
    policy: RetryPolicy,
    uniform: Callable[[float, float], float],
) -> ScheduleRetry | Fail:
    """The decision after an attempt that is charged; never called for a deferred error."""
    if kind is ErrorKind.PERMANENT:
        return Fail("the error is permanent")
    if retry_count >= max_retries:
        return Fail(f"all {max_retries} retries are used up")
    return ScheduleRetry(retry_delay(retry_count, policy=policy, uniform=uniform))
