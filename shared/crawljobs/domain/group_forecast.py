"""Forecast the requests to Reddit that a group needs, and the time of its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crawljobs.domain import group
from crawljobs.domain.group import StepState
from crawljobs.domain.schedule_limit import DEFAULT_REQUESTS_PER_CRAWL

LONGEST_ETA = timedelta(days=366)


@dataclass(frozen=True)
class StepUse:
    """Numbers of requests of one step. They come from stored JSON, so they can have any type.

    - `sent`: the requests that the step's job has sent.
    - `total`: the requests that the step's job is expected to send.
    - `last`: the requests that the last crawl of the same subreddit sent.
    """

    state: StepState
    sent: Any = None
    total: Any = None
    last: Any = None


@dataclass(frozen=True)
class GroupForecast:
    """The requests of the group's jobs.

    - `used`: the number of requests that were sent so far.
    - `expected`: the expected total number of requests.
    - `per_minute`: the requests sent per minute; None before the first request.
    - `eta`: the expected end of the group. None if the group is finished or paused, if no request
      was sent, if no requests are left, or if the end is more than LONGEST_ETA away.
    - `is_estimate`: the numbers are computed from a sample of the steps.
    """

    used: int
    expected: int
    per_minute: float | None
    eta: datetime | None
    is_estimate: bool = False


def forecast(
    steps: Sequence[StepUse],
    *,
    steps_in_group: int,
    started_at: datetime | None,
    until: datetime,
    is_running: bool,
) -> GroupForecast:
    """Return the forecast.

    - `steps`: all `steps_in_group` steps of the group, or only a sample of them.
    - `until`: the time at which the group finished. For an open group, the present time.
    - `is_running`: the group is neither finished nor paused.

    If a subreddit has no earlier crawl, the forecast uses the average of the last crawls of the
    other subreddits.
    """
    scale = max(1.0, steps_in_group / len(steps)) if steps else 1.0
    used = round(scale * sum(_count(step.sent) for step in steps))
    known = [_count(step.last) for step in steps if _count(step.last)]
    usual = round(sum(known) / len(known)) if known else DEFAULT_REQUESTS_PER_CRAWL
    left = round(scale * sum(_left(step, usual) for step in steps if step.state in group.OPEN))
    minutes = (until - started_at) / timedelta(minutes=1) if started_at is not None else 0.0
    per_minute = used / minutes if used and minutes > 0 else None
    eta = None
    if is_running and left and per_minute and left / per_minute < LONGEST_ETA.total_seconds() / 60:
        eta = until + timedelta(minutes=left / per_minute)
    return GroupForecast(used, used + left, per_minute, eta, is_estimate=scale > 1)


def _left(step: StepUse, usual: int) -> int:
    expected = _count(step.total) or _count(step.last) or usual
    return max(0, expected - _count(step.sent))


def _count(value: Any) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 < value < 1_000_000 else 0
