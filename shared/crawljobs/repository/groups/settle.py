"""Update the steps and waits that depend on jobs, steps and groups whose state has changed.

A row of upstream_changes names the changed job, step or group, but not its new state. `settle`
reads the present state after it has locked the groups. So the order of the rows does not matter,
and a second row for the same change does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.group import FINAL, StepState, end_of_step
from crawljobs.repository.groups import (
    group_progress,
    outdated_waits,
    step_writes,
    upstream_reads,
    wait_changes,
)
from crawljobs.repository.groups.batches import lifted_cancels
from crawljobs.repository.groups.group_progress import Finished
from crawljobs.repository.groups.step_writes import StepChange
from crawljobs.repository.groups.upstream_reads import OutdatedStep

# One transaction processes at most this number of changes. It reads one step more, and one wait of
# each kind more: this additional row shows that further rows are left.
CHUNK = 1_000

_TAKE = text("""
    SELECT id, job_id, step_id, group_id, actor FROM upstream_changes
    ORDER BY id LIMIT :at_most OFFSET :skip FOR UPDATE SKIP LOCKED
    """)
_DELETE = text("DELETE FROM upstream_changes WHERE id = ANY (CAST(:ids AS bigint[]))")


@dataclass(frozen=True)
class Settled:
    """The result of one transaction.

    `changes` is the number of processed rows of upstream_changes. `steps` are the changed steps.
    `more` is true if a row may be left, or if a processed row must be processed again.
    """

    changes: int = 0
    steps: Sequence[StepChange] = ()
    finished: Sequence[Finished] = ()
    more: bool = False


@dataclass
class _Upstreams:
    jobs: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    actors: dict[int, str] = field(default_factory=dict)  # job id -> actor that cancelled the job


def settle(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> Settled:
    """Process the oldest rows of upstream_changes: end steps and waits, and finish groups.

    If more than CHUNK steps or waits depend on the changes, the rows stay in the table, and the
    next call continues. Several processes may call this function at the same time.
    """
    rows = conn.execute(_TAKE, {"at_most": at_most, "skip": skip}).all()
    if not rows:
        return Settled()
    upstreams = _upstreams(rows)
    result = _settle_upstreams(conn, upstreams, now=now)
    if not result.more:
        conn.execute(_DELETE, {"ids": [row.id for row in rows]})
    return Settled(
        len(rows), result.steps, result.finished, more=result.more or len(rows) == at_most
    )


def _settle_upstreams(
    conn: Connection, upstreams: _Upstreams, *, now: datetime | None = None
) -> Settled:
    """Update all steps and waits that depend on these jobs, steps and groups."""
    group_ids = upstream_reads.groups_of(
        conn, jobs=upstreams.jobs, steps=upstreams.steps, groups=upstreams.groups
    )
    if not group_ids:
        return Settled()
    group_progress.lock(conn, group_ids)
    changes, more = _settle_steps(conn, upstreams, group_ids, now)
    lifted_cancels.lift(conn, [each for each in changes if _is_open_again(each)])
    # The waits for the changed steps are updated too. Otherwise a group could finish although one
    # of its steps must open again, because the upstream of this step was retried.
    waits = outdated_waits.of_upstreams(
        conn,
        jobs=upstreams.jobs,
        steps=sorted({*upstreams.steps, *(each.step_id for each in changes)}),
        groups=upstreams.groups,
        actors=upstreams.actors,
        locked=group_ids,
        at_most=CHUNK + 1,
    )
    more |= len(waits) > CHUNK
    if more:
        step_writes.announce(conn, changes)
    changes += wait_changes.apply(conn, waits, now=now)
    if not more:
        changes += wait_changes.settle_waits_for_all(conn, group_ids, now=now)
    finished = group_progress.update(conn, group_ids, changes, now=now)
    return Settled(0, changes, finished, more)


def _upstreams(rows: Sequence[Any]) -> _Upstreams:
    return _Upstreams(
        sorted({row.job_id for row in rows if row.job_id is not None}),
        sorted({row.step_id for row in rows if row.step_id is not None}),
        sorted({row.group_id for row in rows if row.group_id is not None}),
        {row.job_id: row.actor for row in rows if row.job_id is not None and row.actor},
    )


def _settle_steps(
    conn: Connection, upstreams: _Upstreams, group_ids: Sequence[int], now: datetime | None
) -> tuple[list[StepChange], bool]:
    """Write the states of the steps that follow the jobs in `upstreams`, in the locked groups.

    A step may wait for a follow-up job of its job. Then the follow-up job becomes the job of the
    step. If the follow-up job has ended already, the step ends too, so the search is repeated with
    the follow-up jobs. Returns the changes, and whether further steps may be left. The caller
    updates the waits for the changed steps, or calls step_writes.announce.
    """
    changes: list[StepChange] = []
    jobs: Sequence[int] = upstreams.jobs
    while jobs:
        found = upstream_reads.outdated_steps(
            conn, jobs, upstreams.actors, locked=group_ids, at_most=CHUNK + 1
        )
        new = [_step_change(each) for each in found]
        step_writes.change_steps(conn, new, announced=False, now=now)
        changes += new
        if len(found) > CHUNK or any(_is_open_again(each) for each in new):
            return changes, True
        jobs = sorted({each.follow_up_id for each in found if each.follow_up_id is not None})
    return changes, False


def _is_open_again(change: StepChange) -> bool:
    """Return whether a final step was opened. Its job may have ended, so the step is read again."""
    return change.before in FINAL and change.after is StepState.ENQUEUED


def _step_change(step: OutdatedStep) -> StepChange:
    """Return the change that gives the step the state of its job, or a follow-up job to follow.

    A final step opens first, even if its retried job has ended again. So a finished group opens
    again too, and finishes once more.
    """
    job_id = step.job.job_id if step.follow_up_id is None else step.follow_up_id
    end = None if step.follow_up_id is not None else end_of_step(step.job, step.required)
    if end is None or step.state in FINAL:
        return StepChange(
            step.step_id, step.group_id, step.state, StepState.ENQUEUED, job_id=job_id
        )
    return StepChange(step.step_id, step.group_id, step.state, end.state, end.reason, job_id=job_id)
