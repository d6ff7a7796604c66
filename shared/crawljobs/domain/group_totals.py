"""The numbers of groups and steps. The metrics show these numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from crawljobs.domain.group import GroupOutcome, StepState


class OpenGroupState(StrEnum):
    """The states of an open group. A group has the first state in this order that fits."""

    HELD = "held"  # a step waits until an operator lets it proceed or skips it
    PAUSED = "paused"
    UNSEALED = "unsealed"
    RUNNING = "running"


@dataclass(frozen=True)
class GroupTotals:
    """The numbers of open groups, of their steps, and of the newest finished groups.

    - `oldest_pending_seconds`: the age of the oldest pending step, without the steps of paused
      groups; None without a pending step.
    - `capped`: more groups are open than were counted.
    """

    by_state: Mapping[OpenGroupState, int]
    steps: Mapping[StepState, int]
    recent: Mapping[GroupOutcome, int]
    oldest_pending_seconds: float | None
    capped: bool
