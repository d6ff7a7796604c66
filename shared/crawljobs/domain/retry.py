"""The retry rule: whether a failed attempt is retried, and after which delay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from crawljobs.domain.job import ErrorKind

# A job with the wait reason `unclear` waits 1, 2, 4, ... minutes, each time at most 4 hours. These
# waits do not count towards `max_retries`. After 13 waits, about a day, the job fails.
UNCLEAR_FIRST_SECONDS, UNCLEAR_LONGEST_SECONDS = 60.0, 14_400.0
UNCLEAR_DEFERRALS_MAX = 13


@dataclass(frozen=True)
class RetryPolicy:
    """The delay before a retry is base_seconds * 2^retry_count with jitter, at most max_hours."""

    base_seconds: float = 60.0
    max_hours: float = 24.0
    jitter: float = 0.2  # the delay is made shorter or longer at random, by at most this share


@dataclass(frozen=True)
class ScheduleRetry:
    """The decision that the job is tried again after this delay."""

    delay: timedelta


@dataclass(frozen=True)
class Fail:
    """The decision that the job fails and is not tried again."""

    reason: str


def retry_delay(
    retry_count: int, *, policy: RetryPolicy, uniform: Callable[[float, float], float]
) -> timedelta:
    """Return the delay before the next retry, more than 0 and at most max_hours.

    `retry_count` is the number of earlier retries. `uniform(a, b)` returns a random number for the
    jitter. The limit max_hours applies to the delay including the jitter. The rescue sweep computes
    the same delay in SQL (job_maintenance).
    """
    cap = policy.max_hours * 3600.0
    # 2.0 ** 1024 would overflow a float. The delay reaches its limit at a much smaller exponent.
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
    """Return whether the job is retried or fails after this error.

    The caller must not pass a deferred error, because a deferral is not a failed attempt.
    """
    if kind is ErrorKind.PERMANENT:
        return Fail("the error is permanent")
    if retry_count >= max_retries:
        return Fail(f"all {max_retries} retries are used up")
    return ScheduleRetry(retry_delay(retry_count, policy=policy, uniform=uniform))
