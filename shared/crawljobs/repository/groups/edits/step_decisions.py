"""Let a held step proceed, or skip it. A step is held because an upstream did not succeed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, true, update

from crawljobs.db.tables import group_steps
from crawljobs.domain.group import StepState
from crawljobs.domain.step import Step
from crawljobs.repository.groups import group_progress, step_writes, wait_changes
from crawljobs.repository.groups.step_writes import StepChange

_PROCEED = (
    update(group_steps).where(group_steps.c.id == bindparam("step_id")).values(proceeds=true())
)


def proceed(conn: Connection, step: Step, *, now: datetime | None = None) -> None:
    """Start the held step although an upstream did not succeed.

    The caller has locked the group and then the step.
    """
    conn.execute(_PROCEED, {"step_id": step.id})
    _change(conn, step, StepState.PENDING, reason=None, now=now)


def skip(conn: Connection, step: Step, *, actor: str, now: datetime | None = None) -> None:
    """Skip the held step. A later retry of the upstream does not reopen the step.

    The caller has locked the group and then the step.
    """
    _change(conn, step, StepState.SKIPPED, reason=f"skipped by {actor}", now=now)


def _change(
    conn: Connection, step: Step, state: StepState, *, reason: str | None, now: datetime | None
) -> None:
    changes = [StepChange(step.id, step.group_id, step.state, state, reason)]
    step_writes.change_steps(conn, changes, now=now)
    changes += wait_changes.settle_waits_for_all(conn, [step.group_id], now=now)
    group_progress.update(conn, [step.group_id], changes, now=now)
