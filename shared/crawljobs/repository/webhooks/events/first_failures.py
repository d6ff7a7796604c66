"""Record the first failed step of a group as an event of webhooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from crawljobs.domain.group import StepState
from crawljobs.repository.webhooks.events import group_events


class ChangedStep(Protocol):
    """A step with its states before and after the transaction's change."""

    @property
    def step_id(self) -> int: ...
    @property
    def group_id(self) -> int: ...
    @property
    def before(self) -> StepState: ...
    @property
    def after(self) -> StepState: ...


def record(
    conn: Connection,
    groups: Sequence[Any],
    changes: Sequence[ChangedStep],
    *,
    now: datetime | None = None,
) -> None:
    """Write an event for each group that has its first failed step after these changes.

    `groups` are rows with the columns id, failed and wants_failures. After a retry of all failed
    steps, the next failed step is again the first.
    """
    if not any(group.wants_failures for group in groups):
        return
    failed: dict[int, int] = {}  # group id -> id of the first step in `changes` that failed
    added: Counter[int] = Counter()
    for change in changes:
        added[change.group_id] += change.after is StepState.FAILED
        added[change.group_id] -= change.before is StepState.FAILED
        if change.after is StepState.FAILED:
            failed.setdefault(change.group_id, change.step_id)
    first = [
        failed[group.id]
        for group in groups
        if group.id in failed and group.failed and group.failed == added[group.id]
    ]
    if first:
        group_events.record_failed(conn, step_ids=first, now=now)
