"""The progress of a group in steps: done, failed and left, the pace, and the expected end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from crawljobs.domain import group as groups
from crawljobs.domain.group import Group, StepState

LONGEST_ETA = timedelta(days=366)


class GroupState(StrEnum):
    """The state of a group. If several states apply, the group has the first of them."""

    FINISHED = "finished"
    HELD = "held"  # a step is held
    PAUSED = "paused"
    UNSEALED = "unsealed"
    RUNNING = "running"


@dataclass(frozen=True)
class GroupProgress:
    """The steps of a group in numbers.

    - `done`: the steps that have ended, in any state.
    - `failed`: the ended steps that did not succeed.
    - `steps_per_minute`: the average since the start; None before a step has ended.
    - `eta`: the expected end at this pace; None if the end is unknown or more than LONGEST_ETA
      away.
    """

    done: int
    failed: int
    left: int
    steps_per_minute: float | None
    eta: datetime | None


def state_of(group: Group) -> GroupState:
    """Return the state of the group."""
    if group.finished_at is not None:
        return GroupState.FINISHED
    if group.counts.get(StepState.HELD):
        return GroupState.HELD
    if group.paused_at is not None:
        return GroupState.PAUSED
    return GroupState.UNSEALED if group.sealed_at is None else GroupState.RUNNING


def progress_of(
    group: Group, *, now: datetime, started_at: datetime | None = None
) -> GroupProgress:
    """Return the progress. `started_at` is the start of the group's first job.

    If `started_at` is None, the group started at its creation.

    A paused group and a group with held steps have no expected end.
    """
    left = sum(group.counts.get(state, 0) for state in groups.OPEN)
    done = group.steps - left
    failed = done - group.counts.get(StepState.SUCCEEDED, 0)
    until = group.finished_at or now
    minutes = (until - (started_at or group.created_at)) / timedelta(minutes=1)
    pace = done / minutes if done and minutes > 0 else None
    eta = None
    is_moving = state_of(group) in (GroupState.RUNNING, GroupState.UNSEALED)
    if is_moving and left and pace and left / pace < LONGEST_ETA / timedelta(minutes=1):
        eta = now + timedelta(minutes=left / pace)
    return GroupProgress(done, failed, left, pace, eta)
