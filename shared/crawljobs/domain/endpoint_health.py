"""The health of a webhook endpoint: deliveries that ended in the last 24 hours, and their times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crawljobs.domain.webhook import DeliveryState

HOURS = 24


@dataclass(frozen=True)
class EndedDelivery:
    """A delivery that ended.

    `duration_ms` is the duration of the last attempt, or None if the delivery has no attempt.
    """

    state: DeliveryState
    ended_at: datetime
    duration_ms: int | None


@dataclass(frozen=True)
class HourOfDeliveries:
    """The deliveries that ended within the hour that begins at `at`."""

    at: datetime
    delivered: int
    failed: int
    duration_ms_p95: int | None


@dataclass(frozen=True)
class EndpointHealth:
    """The deliveries of an endpoint that ended in the last 24 hours.

    The share and the durations are None if no delivery has such a value.
    """

    endpoint_id: int
    delivered: int
    failed: int
    at_least: bool  # more deliveries may have ended, because reading stopped at a limit
    success_share: float | None
    duration_ms_p50: int | None
    duration_ms_p95: int | None
    by_hour: Sequence[HourOfDeliveries]


def health_of(
    endpoint_id: int, ended: Sequence[EndedDelivery], *, now: datetime, at_least: bool
) -> EndpointHealth:
    """Return the health. Only the deliveries that ended in the last 24 hours count."""
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    hours: list[list[EndedDelivery]] = [[] for _ in range(HOURS)]
    counted = []
    for each in ended:
        if now - timedelta(hours=HOURS) < each.ended_at <= now:
            counted.append(each)
            place = int((each.ended_at - start) / timedelta(hours=1))
            hours[min(max(place, 0), HOURS - 1)].append(each)
    delivered, failed = _numbers(counted)
    total = delivered + failed
    return EndpointHealth(
        endpoint_id=endpoint_id,
        delivered=delivered,
        failed=failed,
        at_least=at_least,
        success_share=delivered / total if total else None,
        duration_ms_p50=_percentile(counted, 0.5),
        duration_ms_p95=_percentile(counted, 0.95),
        by_hour=[
            HourOfDeliveries(
                start + timedelta(hours=number), *_numbers(hour), _percentile(hour, 0.95)
            )
            for number, hour in enumerate(hours)
        ],
    )


def _numbers(ended: Sequence[EndedDelivery]) -> tuple[int, int]:
    delivered = sum(each.state is DeliveryState.DELIVERED for each in ended)
    return delivered, len(ended) - delivered


def _percentile(ended: Sequence[EndedDelivery], share: float) -> int | None:
    """Return the percentile `share` of the durations (0.95: the 95th percentile), or None."""
    durations = sorted(each.duration_ms for each in ended if each.duration_ms is not None)
    return durations[math.ceil(share * len(durations)) - 1] if durations else None
