"""How a job's priority grows while it waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class AgingPolicy:
    """Adds `step` to the priority after a wait of `after`, then again after each `every`."""

    after: timedelta = timedelta(minutes=60)
    every: timedelta = timedelta(minutes=5)
    step: int = 10


def aged_priority(
    *, base: int, ceiling: int, queued_at: datetime, now: datetime, policy: AgingPolicy
) -> int:
    """The effective priority; a base above the ceiling stays.

    It depends on the base and the waiting time, not on earlier results. So several processes may
    compute it, any number of times.
    """
    waited = now - queued_at
    if waited <= policy.after:
        return base
    steps = 1 + (waited - policy.after) // policy.every
    return max(base, min(ceiling, base + policy.step * steps))
