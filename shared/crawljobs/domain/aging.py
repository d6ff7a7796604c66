"""Aging: the priority of a queued job rises while the job waits for a worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class AgingPolicy:
    """The rule by which a queued job's priority rises, each time by `step` points.

    The first rise comes when the job has waited for the time `after`. The interval between further
    rises is `every`.
    """

    after: timedelta = timedelta(minutes=60)
    every: timedelta = timedelta(minutes=5)
    step: int = 10


def aged_priority(
    *, base: int, ceiling: int, queued_at: datetime, now: datetime, policy: AgingPolicy
) -> int:
    """Return the priority of a job that still waits. Aging never raises a priority above `ceiling`.

    A base priority above `ceiling` stays as it is. The result does not depend on earlier results,
    so several processes may compute it any number of times.
    """
    waited = now - queued_at
    if waited <= policy.after:
        return base
    steps = 1 + (waited - policy.after) // policy.every
    return max(base, min(ceiling, base + policy.step * steps))
