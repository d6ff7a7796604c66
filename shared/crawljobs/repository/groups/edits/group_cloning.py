"""Read the steps of a group as requests, so that another group can get the same steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, any_, bindparam, select, true

from crawljobs.db.tables import crawl_jobs, group_steps, job_groups, step_waits
from crawljobs.domain.group_plan import StepRequest, Upstream
from crawljobs.repository.groups import step_list
from crawljobs.repository.sql import ONE_ROW, ids, inline_number

WAITS_MAX = 100_000  # limit of the waits of a group that can be cloned

_step, _wait = group_steps.c, step_waits.c
_STEPS = step_list.STEPS.where(_step.group_id == bindparam("group_id")).order_by(_step.id)
_ids = select(_step.id).where(_step.group_id == bindparam("group_id")).subquery("own")
_of_step = select(step_waits).where(_wait.step_id == _ids.c.id).order_by(_wait.id).lateral("wait")
_upstream = (
    select(_step.key).where(_step.id == _of_step.c.upstream_step_id).limit(ONE_ROW).lateral("up")
)
_WAITS = (
    select(
        _of_step.c.step_id,
        _upstream.c.key,
        _of_step.c.upstream_job_id,
        _of_step.c.upstream_group_id,
    )
    .select_from(_ids.join(_of_step, true()).outerjoin(_upstream, true()))
    .limit(inline_number(WAITS_MAX + 1))
)
_JOBS = select(crawl_jobs.c.id).where(crawl_jobs.c.id == any_(ids("ids")))
_GROUPS = select(job_groups.c.id).where(job_groups.c.id == any_(ids("ids")))


def requests_of(conn: Connection, *, group_id: int) -> list[StepRequest] | None:
    """Return the group's steps as requests, or None if the group has more than WAITS_MAX waits.

    The caller has checked that the group has at most group_plan.STEPS_MAX_OF_REQUEST steps. A wait
    for a deleted job or a deleted group is left out.
    """
    rows = conn.execute(_WAITS, {"group_id": group_id}).all()
    if len(rows) > WAITS_MAX:
        return None
    jobs = _existing(conn, _JOBS, {row.upstream_job_id for row in rows})
    groups = _existing(conn, _GROUPS, {row.upstream_group_id for row in rows})
    after: defaultdict[int, list[Upstream]] = defaultdict(list)
    for_all = {row.step_id for row in rows if row.upstream_group_id == group_id}
    for row in rows:
        if row.key is not None:
            after[row.step_id].append(Upstream(key=row.key))
        elif row.upstream_job_id in jobs:
            after[row.step_id].append(Upstream(job_id=row.upstream_job_id))
        elif row.upstream_group_id in groups and row.upstream_group_id != group_id:
            after[row.step_id].append(Upstream(group_id=row.upstream_group_id))
    steps = [step_list.to_step(row) for row in conn.execute(_STEPS, {"group_id": group_id})]
    return [
        StepRequest(
            step.key,
            step.subreddit,
            step.priority,
            step.max_retries,
            visible_at=step.visible_at,
            after=after[step.id],
            after_all=step.id in for_all,
            on_upstream_failure=step.on_upstream_failure,
            require_outcome=step.require_outcome,
        )
        for step in steps
    ]


def _existing(conn: Connection, query: Select[Any], wanted: Iterable[int | None]) -> set[int]:
    listed = [each for each in wanted if each is not None]
    return set(conn.execute(query, {"ids": listed}).scalars()) if listed else set()
