"""The numbers of groups and steps. The metrics show these numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from crawljobs.domain.group import GroupOutcome, StepState


class OpenGroupState(StrEnum):
    """The states of an open group. If several states apply, the group has the first of them."""

    HELD = "held"  # a step waits until an operator lets it proceed or skips it
    PAUSED = "paused"
    UNSEALED = "unsealed"
    RUNNING = "running"


@dataclass(frozen=True)
class GroupTotals:
    """The numbers of open groups, of their steps, and of the newest finished groups.

    - `oldest_pending_seconds`: the age of the oldest pending step of groups that are not paused.
      None if there is no such step.
    - `capped`: true if not all open groups were counted.
    """

    by_state: Mapping[OpenGroupState, int]
    steps: Mapping[StepState, int]
    recent: Mapping[GroupOutcome, int]
    oldest_pending_seconds: float | None
    capped: bool
