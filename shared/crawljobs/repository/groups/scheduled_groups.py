"""Create the group that a run of a schedule starts, with INSERT statements only.

The scheduler has no right to change groups and steps. The resolver of the workers starts the steps.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, Integer, Text, bindparam, case, insert, select

from crawljobs.db.tables import group_steps, job_groups, step_waits
from crawljobs.domain import group_plan
from crawljobs.domain.group_plan import StepRequest
from crawljobs.domain.schedule_group import ScheduleGroup
from crawljobs.repository.groups import resolver_hint
from crawljobs.repository.groups.group_creation import InvalidPlan
from crawljobs.repository.sql import CLOCK, NOW, ids, texts, unnested

_INSERT_GROUP = (
    insert(job_groups)
    .from_select(
        [
            *("name", "created_by", "scheduled_job_id", "due_at", "pending"),
            *("created_at", "sealed_at", "ready_at"),
        ],
        select(
            bindparam("name", type_=Text),
            bindparam("created_by", type_=Text),
            bindparam("schedule_id", type_=BigInteger),
            bindparam("due_at", type_=job_groups.c.due_at.type),
            bindparam("steps", type_=Integer),
            *[CLOCK.c.now] * 3,
        ).select_from(CLOCK),
    )
    .returning(job_groups.c.id)
)

_integers = ARRAY(Integer)
_step = unnested(
    "step",
    key=texts("keys"),
    subreddit_id=ids("subreddit_ids"),
    priority=bindparam("priorities", type_=_integers),
    max_retries=bindparam("retries", type_=_integers),
    on_upstream_failure=texts("policies"),
    require_outcome=texts("outcomes"),
    depth=bindparam("depths", type_=_integers),
    waiting_for=bindparam("waits", type_=_integers),
)
_INSERT_STEPS = (
    insert(group_steps)
    .from_select(
        ["group_id", "traceparent", "changed_at", *_step.c.keys()],
        select(
            bindparam("group_id", type_=BigInteger),
            bindparam("traceparent", type_=Text),
            NOW,
            *_step.c,
        ),
    )
    .returning(group_steps.c.id, group_steps.c.key)
)

_wait = unnested("wait", step_id=ids("step_ids"), upstream_step_id=ids("upstream_ids"))
_INSERT_WAITS = insert(step_waits).from_select(
    ["step_id", "upstream_step_id", "upstream_group_id"],
    select(
        _wait.c.step_id,
        _wait.c.upstream_step_id,
        # A wait without an upstream step is a wait for all other steps. Its upstream is the group.
        case((_wait.c.upstream_step_id.is_(None), bindparam("group_id", type_=BigInteger))),
    ),
)


def create(
    conn: Connection,
    *,
    group: ScheduleGroup,
    created_by: str,
    schedule_id: int,
    due_at: datetime,
    traceparent: str | None = None,
    now: datetime | None = None,
) -> int:
    """Create a sealed group with pending steps, and return its id. Raises InvalidPlan."""
    steps = group.steps
    plan = group_plan.check(steps, {})
    if plan.errors:
        raise InvalidPlan(plan.errors)
    values: dict[str, Any] = {
        "name": group.name,
        "created_by": created_by,
        "schedule_id": schedule_id,
        "due_at": due_at,
        "steps": len(steps),
        "now": now,
    }
    group_id = int(conn.execute(_INSERT_GROUP, values).scalar_one())
    waits = {step.key: _upstreams(step, is_alone=len(steps) == 1) for step in steps}
    rows = conn.execute(
        _INSERT_STEPS,
        {
            "group_id": group_id,
            "traceparent": traceparent,
            "now": now,
            "keys": [step.key for step in steps],
            "subreddit_ids": [group.subreddit_ids[step.key] for step in steps],
            "priorities": [step.priority for step in steps],
            "retries": [step.max_retries for step in steps],
            "policies": [step.on_upstream_failure.value for step in steps],
            "outcomes": [step.require_outcome.value for step in steps],
            "depths": [plan.depths[step.key] for step in steps],
            "waits": [len(waits[step.key]) for step in steps],
        },
    )
    step_ids = {row.key: row.id for row in rows}
    pairs = [
        (step_ids[key], None if upstream is None else step_ids[upstream])
        for key, upstreams in waits.items()
        for upstream in upstreams
    ]
    if pairs:
        values = {
            "group_id": group_id,
            "step_ids": [step_id for step_id, _ in pairs],
            "upstream_ids": [upstream for _, upstream in pairs],
        }
        conn.execute(_INSERT_WAITS, values)
    resolver_hint.send(conn)
    return group_id


def _upstreams(step: StepRequest, *, is_alone: bool) -> list[str | None]:
    """Return the keys of the steps for which the step waits. None: all other steps of the group.

    `is_alone` is true if the group has no other steps.
    """
    keys: list[str | None] = [*dict.fromkeys(each.key for each in step.after if each.key)]
    return [*keys, None] if step.after_all and not is_alone else keys
