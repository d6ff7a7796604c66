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

# One transaction processes at most this number of changes, and at most this number of waits for
# jobs, for steps and for groups. To find out whether more are left, the transaction reads one more
# step, and one more wait for each upstream.
CHUNK = 1_000

_TAKE = text("""
    SELECT id, job_id, step_id, group_id, actor, waits_after FROM upstream_changes
    ORDER BY id LIMIT :at_most OFFSET :skip FOR UPDATE SKIP LOCKED
    """)
_DELETE = text("DELETE FROM upstream_changes WHERE id = ANY (CAST(:ids AS bigint[]))")
# The row for the rest of a change gets the highest id. So the other changes are processed first.
_ADD_RESTS = text("""
    INSERT INTO upstream_changes (job_id, step_id, group_id, actor, waits_after)
    SELECT * FROM unnest(
        CAST(:jobs AS bigint[]), CAST(:steps AS bigint[]), CAST(:groups AS bigint[]),
        CAST(:actors AS text[]), CAST(:after AS bigint[])
    )
    """)


@dataclass(frozen=True)
class Settled:
    """The result of one transaction.

    `changes` is the number of processed rows of upstream_changes. `steps` are the changed steps.
    `more` is true if a row may be left.
    """

    changes: int = 0
    steps: Sequence[StepChange] = ()
    finished: Sequence[Finished] = ()
    more: bool = False


@dataclass
class _Upstreams:
    """Maps the id of each changed job, step or group to the id of the last updated wait for it."""

    jobs: dict[int, int] = field(default_factory=dict)
    steps: dict[int, int] = field(default_factory=dict)
    groups: dict[int, int] = field(default_factory=dict)
    actors: dict[int, str] = field(default_factory=dict)  # job id -> actor that cancelled the job

    def is_empty(self) -> bool:
        return not (self.jobs or self.steps or self.groups)


def settle(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> Settled:
    """Process the oldest rows of upstream_changes: end steps and waits, and finish groups.

    If more than CHUNK steps or waits depend on the rows, new rows at the end of the table record
    the rest for a later call. Several processes may call this function at the same time.
    """
    rows = conn.execute(_TAKE, {"at_most": at_most, "skip": skip}).all()
    if not rows:
        return Settled()
    result, rest = _settle_upstreams(conn, _upstreams(rows), now=now)
    conn.execute(_DELETE, {"ids": [row.id for row in rows]})
    if not rest.is_empty():
        _add_rests(conn, rest)
    more = not rest.is_empty() or len(rows) == at_most
    return Settled(len(rows), result.steps, result.finished, more)


def _settle_upstreams(
    conn: Connection, upstreams: _Upstreams, *, now: datetime | None = None
) -> tuple[Settled, _Upstreams]:
    """Update the steps and waits that depend on these jobs, steps and groups.

    Returns the changes, and the upstreams that still have steps or waits to update.
    """
    jobs_and_groups = _share(len(upstreams.jobs) + len(upstreams.groups))
    group_ids = upstream_reads.groups_of(
        conn,
        jobs=upstreams.jobs,
        steps=upstreams.steps,
        groups=upstreams.groups,
        at_most=jobs_and_groups + 1,
    )
    if not group_ids:
        return Settled(), _Upstreams()
    group_progress.lock(conn, group_ids)
    changes, more = _settle_steps(conn, upstreams, group_ids, now)
    lifted_cancels.lift(conn, [each for each in changes if _is_open_again(each)])
    # The waits for the changed steps are updated too. Otherwise a group could finish although one
    # of its steps must open again, because the upstream of this step was retried.
    steps = {**upstreams.steps, **{each.step_id: 0 for each in changes}}
    of_jobs = outdated_waits.for_jobs(
        conn, upstreams.jobs, actors=upstreams.actors, locked=group_ids, at_most=jobs_and_groups
    )
    of_steps = outdated_waits.for_steps(conn, steps, locked=group_ids, at_most=_share(len(steps)))
    of_groups = outdated_waits.for_groups(
        conn, upstreams.groups, locked=group_ids, at_most=jobs_and_groups
    )
    with_rest = of_jobs.groups_with_rest | of_steps.groups_with_rest
    waits = [*of_jobs.waits, *of_steps.waits, *of_groups.waits]
    changes += wait_changes.apply(conn, waits, now=now)
    rest = _Upstreams({**of_jobs.rests}, {**of_steps.rests}, {**of_groups.rests}, upstreams.actors)
    if more:  # the next transaction must examine the waits for all these upstreams
        rest.jobs, rest.groups = upstreams.jobs, upstreams.groups
        rest.steps.update(upstreams.steps)
    else:
        # A step's wait for all other steps of its group can end only after all other waits are
        # updated. The statement for such waits reads all waits for the group. So it runs only with
        # the last page.
        complete = sorted({*group_ids} - with_rest - {*of_groups.rests})
        changes += wait_changes.settle_waits_for_all(conn, complete, now=now)
    finished = group_progress.update(conn, group_ids, changes, unfinished=with_rest, now=now)
    return Settled(0, changes, finished), rest


def _share(upstreams: int) -> int:
    """Return how many waits one transaction examines for each upstream."""
    return max(1, CHUNK // max(1, upstreams))


def _add_rests(conn: Connection, rest: _Upstreams) -> None:
    rows = [
        *((job, None, None, rest.actors.get(job), after) for job, after in rest.jobs.items()),
        *((None, step, None, None, after) for step, after in rest.steps.items()),
        *((None, None, group, None, after) for group, after in rest.groups.items()),
    ]
    names = ("jobs", "steps", "groups", "actors", "after")
    conn.execute(_ADD_RESTS, {name: [row[at] for row in rows] for at, name in enumerate(names)})


def _upstreams(rows: Sequence[Any]) -> _Upstreams:
    """Map each upstream to the lowest `waits_after` in the rows that name this upstream."""
    found = _Upstreams()
    for row in sorted(rows, key=lambda row: row.waits_after, reverse=True):
        if row.job_id is not None:
            found.jobs[row.job_id] = row.waits_after
        elif row.step_id is not None:
            found.steps[row.step_id] = row.waits_after
        else:
            found.groups[row.group_id] = row.waits_after
    found.actors = {row.job_id: row.actor for row in rows if row.job_id is not None and row.actor}
    return found


def _settle_steps(
    conn: Connection, upstreams: _Upstreams, group_ids: Sequence[int], now: datetime | None
) -> tuple[list[StepChange], bool]:
    """Update the steps of the locked groups that follow the jobs in `upstreams`.

    Returns the changes, and whether further steps may be left. The caller updates the waits for the
    changed steps. If a step waits for a follow-up job of its job, the follow-up job becomes the job
    of the step. The follow-up job may have ended already, so the search is repeated with the
    follow-up jobs.
    """
    changes: list[StepChange] = []
    jobs: Sequence[int] = sorted(upstreams.jobs)
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
    """Return whether the change reopened a final step, whose job may have ended again already."""
    return change.before in FINAL and change.after is StepState.ENQUEUED


def _step_change(step: OutdatedStep) -> StepChange:
    """Return the change after which the step has its job's state, or follows a follow-up job.

    A final step is first reopened, even if its retried job has ended again. A later change ends the
    step. So a finished group opens again too, and finishes once more.
    """
    job_id = step.job.job_id if step.follow_up_id is None else step.follow_up_id
    end = None if step.follow_up_id is not None else end_of_step(step.job, step.required)
    if end is None or step.state in FINAL:
        return StepChange(
            step.step_id, step.group_id, step.state, StepState.ENQUEUED, job_id=job_id
        )
    return StepChange(step.step_id, step.group_id, step.state, end.state, end.reason, job_id=job_id)
