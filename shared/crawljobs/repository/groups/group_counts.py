"""Count the open groups and their steps. The row of a group has the number of steps by state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select, true

from crawljobs.db.tables import group_steps, job_groups
from crawljobs.domain.group import GroupOutcome, StepState
from crawljobs.domain.group_totals import GroupTotals, OpenGroupState
from crawljobs.repository.sql import (
    NOW,
    ONE_ROW,
    inline,
    inline_interval,
    inline_number,
    seconds,
)

OPEN_MAX = 10_000  # limit of the counted open groups, the oldest first; counting takes 30 to 90 ms
SEARCHED_MAX = 1_000  # limit of the groups that are read to find the oldest pending step
RECENT_MAX = 100  # limit of the counted groups that finished within the last day, newest first

_group = job_groups.c
_ZERO = inline_number(0)
_open = (
    select(
        *(_group[name] for name in ("id", "paused_at", "sealed_at")),
        *(_group[state.value] for state in StepState),
    )
    .where(_group.finished_at.is_(None))
    .order_by(_group.id)
    .limit(inline_number(OPEN_MAX + 1))
    .subquery("open")
)
_state: ColumnElement[str] = case(
    (_open.c.held > _ZERO, inline(OpenGroupState.HELD)),
    (_open.c.paused_at.is_not(None), inline(OpenGroupState.PAUSED)),
    (_open.c.sealed_at.is_(None), inline(OpenGroupState.UNSEALED)),
    else_=inline(OpenGroupState.RUNNING),
)
_OPEN = select(
    _state.label("group_state"),
    func.count().label("groups"),
    *(func.sum(_open.c[state.value]).label(state.value) for state in StepState),
).group_by(_state)

_searched = (
    select(_open.c.id)
    .where(_open.c.pending > _ZERO, _open.c.paused_at.is_(None))
    .order_by(_open.c.id)
    .limit(inline_number(SEARCHED_MAX))
    .subquery("searched")
)
# Selects a group's pending step with the lowest id. Usually no other step of the group has been
# pending for a longer time. The exception is a step that a retry made pending again.
_first_pending = (
    select(group_steps.c.changed_at)
    .where(group_steps.c.group_id == _searched.c.id, group_steps.c.state == inline("pending"))
    .order_by(group_steps.c.id)
    .limit(ONE_ROW)
    .lateral("first_pending")
)
_OLDEST_PENDING = select(
    seconds(NOW - func.min(_first_pending.c.changed_at)).label("seconds")
).select_from(_searched.join(_first_pending, true()))

_newest = (
    select(_group.outcome)
    .where(_group.finished_at > NOW - inline_interval("1 day"))
    .order_by(_group.finished_at.desc(), _group.id.desc())
    .limit(inline_number(RECENT_MAX))
    .subquery("newest")
)
_RECENT = select(_newest.c.outcome, func.count().label("groups")).group_by(_newest.c.outcome)


def count_groups(conn: Connection, *, now: datetime | None = None) -> GroupTotals:
    """Return the numbers of open groups, of their steps, and of recently finished groups.

    Reads the counts in the rows of at most OPEN_MAX open groups, never all of their steps.
    """
    by_state = dict.fromkeys(OpenGroupState, 0)
    steps = dict.fromkeys(StepState, 0)
    rows: list[Any] = list(conn.execute(_OPEN))
    for row in rows:
        by_state[OpenGroupState(row.group_state)] = row.groups
        for state in StepState:
            steps[state] += int(row._mapping[state.value])
    recent = dict.fromkeys(GroupOutcome, 0)
    for row in conn.execute(_RECENT, {"now": now}):
        recent[GroupOutcome(row.outcome)] = row.groups
    oldest = conn.execute(_OLDEST_PENDING, {"now": now}).scalar_one()
    return GroupTotals(
        by_state=by_state,
        steps=steps,
        recent=recent,
        oldest_pending_seconds=None if oldest is None else max(0.0, oldest),
        capped=sum(by_state.values()) > OPEN_MAX,
    )
