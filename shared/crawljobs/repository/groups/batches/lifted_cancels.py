"""Lift the cancel of an unfinished group when a later retry of a job reopens one of its steps."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Text, any_, exists, insert, literal, null, select, update

from crawljobs.db.tables import (
    crawl_jobs,
    group_steps,
    job_groups,
    operations,
    step_waits,
    upstream_changes,
)
from crawljobs.domain.group import StepState
from crawljobs.domain.operation import OperationKind
from crawljobs.repository.groups import group_reads
from crawljobs.repository.groups.step_writes import StepChange
from crawljobs.repository.sql import ids, inline

_group, _step, _job, _operation = job_groups.c, group_steps.c, crawl_jobs.c, operations.c
_upstream = group_steps.alias("upstream")

# Lifts a cancel only if a job of the steps was retried after the cancel. A retry sets the job's
# queued_at. While the operation of a cancel is in progress, the cancel stays in force, so that no
# step of the group starts.
_LIFT = (
    update(job_groups)
    .where(
        _group.id == any_(ids("ids")),
        _group.cancelled_at.is_not(None),
        _group.finished_at.is_(None),
        exists().where(
            _step.id == any_(ids("steps")),
            _step.group_id == _group.id,
            _job.id == _step.job_id,
            _job.queued_at >= _group.cancelled_at,
        ),
        ~exists().where(
            _operation.resource_type == literal(group_reads.RESOURCE, Text),
            _operation.resource_id == _group.id,
            _operation.kind == inline(OperationKind.CANCEL_GROUP),
            _operation.finished_at.is_(None),
        ),
    )
    .values(cancelled_at=null(), cancelled_by=null())
    .returning(_group.id)
)

# While a group is cancelled, the waits of its skipped steps keep the old ends of their upstreams.
# Each upstream that has another end now gets a row in upstream_changes, so that the resolver
# updates these waits.
_ANNOUNCE = insert(upstream_changes).from_select(
    ["step_id"],
    select(step_waits.c.upstream_step_id)
    .distinct()
    .where(
        _step.group_id == any_(ids("ids")),
        _step.state == inline(StepState.SKIPPED),
        _step.skipped_for_upstream,
        step_waits.c.step_id == _step.id,
        _upstream.c.id == step_waits.c.upstream_step_id,
        step_waits.c.state != _upstream.c.state,
    ),
)


def lift(conn: Connection, reopened: Sequence[StepChange]) -> list[int]:
    """End the cancel of each unfinished group of these steps, and return the ids of the groups.

    The caller has reopened the steps, and holds the locks of their groups. Other steps of these
    groups may have been skipped because of an upstream that has another end now than at the time of
    the skip. The function records such upstreams, so that the resolver updates the skipped steps.
    """
    values = {
        "ids": sorted({each.group_id for each in reopened}),
        "steps": [each.step_id for each in reopened],
    }
    lifted = sorted(conn.execute(_LIFT, values).scalars()) if reopened else []
    if lifted:
        conn.execute(_ANNOUNCE, {"ids": lifted})
    return lifted
