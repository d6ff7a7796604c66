"""Find the jobs on whose end a step of a group depends. These jobs must not be deleted."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select, true

from crawljobs import errors
from crawljobs.db.tables import group_steps, step_waits
from crawljobs.repository.sql import ONE_ROW, ids, inline, one_of, unnested

_chosen = unnested("chosen", id=ids("ids"))
_waiting = group_steps.alias("waiting_step")
_step = group_steps.c

_follows = (
    select(_step.id)
    .where(_step.job_id == _chosen.c.id, _step.state == inline("enqueued"))
    .limit(ONE_ROW)
    .lateral("follows")
)
_waits = (
    select(_waiting.c.id)
    .select_from(step_waits.join(_waiting, _waiting.c.id == step_waits.c.step_id))
    .where(
        step_waits.c.upstream_job_id == _chosen.c.id,
        step_waits.c.ended_at.is_(None),
        one_of(_waiting.c.state, ("pending", "held")),
    )
    .limit(ONE_ROW)
    .lateral("waits")
)
_found = group_steps.alias("found")
# Selects the chosen jobs on whose end open steps depend, each job with one of these steps.
AWAITED = select(_chosen.c.id.label("job_id"), _found.c.group_id, _found.c.key).select_from(
    _chosen.join(_follows, true(), isouter=True)
    .join(_waits, true(), isouter=True)
    .join(_found, _found.c.id == func.coalesce(_follows.c.id, _waits.c.id))
)


def awaited(conn: Connection, job_ids: Sequence[int]) -> dict[int, errors.CrawljobsError]:
    """Return an error for each job that an open step follows or waits for.

    The caller has locked the jobs. So no other transaction can register a wait for these jobs.
    """
    return {
        row.job_id: errors.StepDependsOnJob(
            f"step {row.key} of group {row.group_id} depends on job {row.job_id}; "
            "with force=true, the delete counts as a cancel"
        )
        for row in conn.execute(AWAITED, {"ids": job_ids})
    }
