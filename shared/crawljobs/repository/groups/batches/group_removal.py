"""Delete a large finished group. Its steps are deleted in chunks, then the group itself."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import Connection, any_, bindparam, delete, update

from crawljobs.db.tables import group_steps, job_groups
from crawljobs.domain.group import StepState
from crawljobs.domain.operation import BatchResult
from crawljobs.repository.groups.batches import step_batches
from crawljobs.repository.groups.batches.step_batches import BatchItem, BatchRequest, Chunk
from crawljobs.repository.sql import ids

_WALK = step_batches.steps_in(StepState)
_DELETE_STEPS = delete(group_steps).where(group_steps.c.id == any_(ids("ids")))
_COUNT = (
    update(job_groups)
    .where(job_groups.c.id == bindparam("group_id"))
    .values(
        {
            job_groups.c[state.value]: job_groups.c[state.value] - bindparam(f"less_{state}")
            for state in StepState
        }
    )
)
_DELETE_GROUP = delete(job_groups).where(job_groups.c.id == bindparam("group_id"))


def delete_steps(
    conn: Connection,
    request: BatchRequest,
    *,
    after: int,
    at_most: int,
    now: datetime | None = None,
) -> Chunk:
    """Delete the next steps of the group. The caller has locked the group.

    The last chunk also deletes the group. The jobs of the steps stay.
    """
    steps = step_batches.read(conn, _WALK, group_id=request.group_id, after=after, at_most=at_most)
    conn.execute(_DELETE_STEPS, {"ids": [step.id for step in steps]})
    states = Counter(step.state for step in steps)
    values = {f"less_{state}": states[state] for state in StepState}
    conn.execute(_COUNT, {"group_id": request.group_id, **values})
    if len(steps) < at_most:
        conn.execute(_DELETE_GROUP, {"group_id": request.group_id})
    items = [BatchItem(step.key, step.job_id, BatchResult.DELETED) for step in steps]
    return step_batches.chunk_of(steps, items, [], after=after, at_most=at_most)
