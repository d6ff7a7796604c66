"""Create groups, and add steps to groups that are not sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs import errors
from crawljobs.domain import group_plan
from crawljobs.domain.group import StepState
from crawljobs.domain.group_plan import PlanError, StepRequest
from crawljobs.domain.subreddit import checked_name
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.groups import (
    group_progress,
    step_lookup,
    wait_changes,
    wait_creation,
)
from crawljobs.repository.groups.group_progress import Finished
from crawljobs.repository.queue.queue_sql import CLOCK

_CREATE = text(f"""
    INSERT INTO job_groups (name, created_by, scheduled_job_id, due_at, created_at)
    VALUES (:name, :created_by, :scheduled_job_id, :due_at, {CLOCK})
    RETURNING id
    """)
_SEAL = text(f"""
    UPDATE job_groups SET sealed_at = {CLOCK} WHERE id = :group_id AND sealed_at IS NULL
    """)
_READ = text(f"""
    SELECT sealed_at IS NOT NULL AS is_sealed, cancelled_at IS NOT NULL AS is_cancelled,
        {" + ".join(StepState)} AS steps
    FROM job_groups WHERE id = :group_id
    """)
_INSERT_STEPS = text(f"""
    INSERT INTO group_steps (
        group_id, key, subreddit_id, priority, max_retries, visible_at, on_upstream_failure,
        require_outcome, depth, traceparent, changed_at)
    SELECT :group_id, key, subreddit_id, priority, max_retries, visible_at, on_upstream_failure,
        require_outcome, depth, :traceparent, {CLOCK}
    FROM unnest(
        CAST(:keys AS text[]), CAST(:subreddits AS bigint[]), CAST(:priorities AS smallint[]),
        CAST(:retries AS smallint[]), CAST(:visible AS timestamptz[]), CAST(:policies AS text[]),
        CAST(:outcomes AS text[]), CAST(:depths AS smallint[])
    ) AS new (key, subreddit_id, priority, max_retries, visible_at, on_upstream_failure,
        require_outcome, depth)
    RETURNING id, key
    """)
_COUNT = text("UPDATE job_groups SET pending = pending + :added WHERE id = :group_id")


class InvalidPlan(errors.CrawljobsError):
    """Some requested steps are invalid. Each of `plan_errors` has a JSON pointer and a message."""

    def __init__(self, plan_errors: Sequence[PlanError]) -> None:
        super().__init__(f"{len(plan_errors)} invalid steps")
        self.plan_errors = plan_errors


class GroupClosed(errors.CrawljobsError):
    """The group accepts no further steps, or a step would wait for a group that is not sealed."""


@dataclass(frozen=True)
class Added:
    """The ids of the added steps by key, and the groups that finished in the same transaction."""

    step_ids: dict[str, int]
    finished: Sequence[Finished]


def create(
    conn: Connection,
    *,
    name: str | None,
    created_by: str,
    scheduled_job_id: int | None = None,
    due_at: datetime | None = None,
    now: datetime | None = None,
) -> int:
    """Create a group without steps, and return its id."""
    values = {
        "name": name,
        "created_by": created_by,
        "scheduled_job_id": scheduled_job_id,
        "due_at": due_at,
        "now": now,
    }
    return int(conn.execute(_CREATE, values).scalar_one())


def seal(conn: Connection, *, group_id: int, now: datetime | None = None) -> list[Finished]:
    """Let the group accept no further steps. If all its steps have ended, the group finishes.

    The caller has locked the group. Returns the group if it finished.
    """
    conn.execute(_SEAL, {"group_id": group_id, "now": now})
    changes = wait_changes.settle_waits_for_all(conn, [group_id], now=now)
    return group_progress.update(conn, [group_id], changes, now=now)


def add_steps(
    conn: Connection,
    *,
    group_id: int,
    steps: Sequence[StepRequest],
    traceparent: str | None = None,
    now: datetime | None = None,
) -> Added:
    """Add steps to a group. Unknown subreddits are inserted.

    Raises NotFound, GroupClosed, InvalidPlan or InvalidSubredditName.
    """
    upstream_groups = {each.group_id for step in steps for each in step.after if each.group_id}
    group_progress.lock(conn, {group_id, *upstream_groups})
    group = conn.execute(_READ, {"group_id": group_id}).first()
    if group is None:
        raise errors.NotFound(f"there is no group {group_id}")
    if group.is_sealed or group.is_cancelled:
        state = "cancelled" if group.is_cancelled else "sealed"
        raise GroupClosed(
            f"group {group_id} is {state}, so it accepts no further steps; create another group"
        )
    if group.steps + len(steps) > group_plan.STEPS_MAX_OF_GROUP:
        limit = group_plan.STEPS_MAX_OF_GROUP
        raise InvalidPlan([PlanError("", f"a group has at most {limit} steps")])
    # Lock jobs before subreddits, as an enqueue does. Otherwise the transactions could deadlock.
    upstreams = wait_creation.lock_upstreams(conn, steps)
    subreddits = stored_subreddits.ensure(
        conn, names=[checked_name(step.subreddit) for step in steps], discovered_from=None, depth=0
    )
    subreddit_ids = [subreddits[checked_name(step.subreddit).lower()] for step in steps]
    stored = step_lookup.stored_steps(
        conn, group_id=group_id, steps=steps, subreddit_ids=set(subreddit_ids)
    )
    plan = group_plan.check(steps, stored)
    wrong = [*plan.errors, *wait_creation.errors_of(steps, upstreams, group_id=group_id)]
    if wrong:
        raise InvalidPlan(wrong)
    if upstreams.unsealed:
        listed = ", ".join(str(each) for each in sorted(upstreams.unsealed))
        raise GroupClosed(f"a step waits only for sealed groups; seal these first: {listed}")
    values = {
        "group_id": group_id,
        "keys": [step.key for step in steps],
        "subreddits": subreddit_ids,
        "priorities": [step.priority for step in steps],
        "retries": [step.max_retries for step in steps],
        "visible": [step.visible_at for step in steps],
        "policies": [step.on_upstream_failure.value for step in steps],
        "outcomes": [step.require_outcome.value for step in steps],
        "depths": [plan.depths[step.key] for step in steps],
        "traceparent": traceparent,
        "now": now,
    }
    ids = {row.key: row.id for row in conn.execute(_INSERT_STEPS, values)}
    conn.execute(_COUNT, {"group_id": group_id, "added": len(steps)})
    wait_creation.store(
        conn, steps, ids, group_id=group_id, stored=stored, upstreams=upstreams, now=now
    )
    return Added(ids, group_progress.update(conn, [group_id], [], now=now))
