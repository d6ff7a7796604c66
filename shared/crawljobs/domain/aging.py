"""How a job's priority grows while it waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class AgingPolicy:
    """After `after`, `step` at once and again for every whole `every` beyond it."""

    after: timedelta = timedelta(minutes=60)
    every: timedelta = timedelta(minutes=5)
    step: int = 10


def aged_priority(
    *, base: int, ceiling: int, queued_at: datetime, now: datetime, policy: AgingPolicy
) -> int:
    """The effective priority: a function of base and waiting time, never of the last result.

    So any number of processes may compute it, any number of times. A base above the ceiling stays.
    """
    waited = now - queued_at
    if waited <= policy.after:
        return base
    steps = 1 + (waited - policy.after) // policy.every
    return max(base, min(ceiling, base + policy.step * steps))
