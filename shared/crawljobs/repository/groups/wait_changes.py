"""Record in waits how their upstreams ended.

Reopen steps that were skipped or held because of an upstream, if this upstream runs again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from crawljobs.domain.group import StepState
from crawljobs.repository.groups import outdated_waits, step_writes
from crawljobs.repository.groups.outdated_waits import OutdatedWait
from crawljobs.repository.groups.step_writes import StepChange, WaitChange


def apply(
    conn: Connection, waits: Sequence[OutdatedWait], *, now: datetime | None = None
) -> list[StepChange]:
    """Record for each wait how its upstream (a job, step or group) ended. Returns changed steps.

    A wait may already have the end of an earlier run of its upstream, for example of a job that was
    retried:

    - If the upstream is open again, the wait is open again.
    - If the new run has ended in another way, the wait gets the new end.

    In both cases, a step that was skipped or held because of an upstream is pending again.
    """
    step_writes.change_waits(
        conn,
        [WaitChange(each.wait_id, each.step_id, each.was_ended, each.end) for each in waits],
        now=now,
    )
    reopened = {
        each.step_id: StepChange(each.step_id, each.group_id, each.step_state, StepState.PENDING)
        for each in waits
        if each.was_ended and each.step_state is not StepState.PENDING
    }
    step_writes.change_steps(conn, [*reopened.values()], now=now)
    return [*reopened.values()]


def settle_waits_for_all(
    conn: Connection, group_ids: Sequence[int], *, now: datetime | None = None
) -> list[StepChange]:
    """End or reopen the waits in which a step waits for all other steps of its group.

    Returns the changed steps.
    """
    return apply(conn, outdated_waits.for_all(conn, group_ids), now=now)
