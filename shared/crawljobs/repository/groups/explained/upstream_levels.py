"""Read steps and groups with the upstreams that they wait for. One statement reads one level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.group import GroupOutcome, StepState
from crawljobs.domain.upstream_facts import GroupFacts, StepFacts, UpstreamKind

UPSTREAMS_MAX = 20  # limit of the upstreams that are read for one step or group

_STATES = ", ".join(f"NULL::integer AS {state}" for state in StepState)
_GROUP_STATES = ", ".join(f"job_group.{state}" for state in StepState)


def _steps_in(place: int, state: str, condition: str) -> str:
    return f"""(
        SELECT {place} AS place, id FROM group_steps
        WHERE group_id = job_group.id AND state = '{state}' AND {condition}
        ORDER BY id LIMIT :at_most
    )"""


# False for a step that waits for all other steps of its group. Such a step is not shown as an
# upstream, because the steps that it waits for are the actual cause.
_WAITS_FOR_SOME = """(
    SELECT true FROM step_waits
    WHERE step_id = group_steps.id AND upstream_group_id = group_steps.group_id
        AND ended_at IS NULL LIMIT 1
) IS NULL"""

# The steps of a group that explain the state of a step which waits or waited for the group. While
# the wait is open (`wanted.open`), these are the open steps. After its end, these are the steps
# that did not succeed. The states that are nearer to the cause come first.
_OF_GROUP = " UNION ALL ".join(
    [
        _steps_in(0, "held", "wanted.open"),
        _steps_in(1, "enqueued", "wanted.open"),
        _steps_in(2, "pending", f"wanted.open AND {_WAITS_FOR_SOME}"),
        _steps_in(3, "failed", "NOT wanted.open"),
        _steps_in(4, "cancelled", "NOT wanted.open"),
        _steps_in(5, "skipped", "NOT wanted.open"),
    ]
)

# Reads the waits that explain a step's state: the open waits if the step is pending, or the waits
# that ended without success if the step was held or skipped. Waits for held steps come first,
# because an operator can end these waits at once.
_LEVEL = text(f"""
    SELECT 'step' AS kind, step.id, true AS wanted_open, step.group_id, step.key,
        subreddit.name AS subreddit, step.state, step.reason, step.job_id, step.follows_rerun,
        step.waiting_for, own.is_paused, true AS is_sealed, {_STATES},
        wait.place, wait.upstream_step_id, wait.upstream_job_id, wait.upstream_group_id
    FROM unnest(CAST(:steps AS bigint[])) AS wanted (id)
        CROSS JOIN LATERAL (SELECT * FROM group_steps WHERE id = wanted.id LIMIT 1) AS step
        CROSS JOIN LATERAL (
            SELECT name FROM subreddits WHERE id = step.subreddit_id LIMIT 1
        ) AS subreddit
        CROSS JOIN LATERAL (
            SELECT paused_at IS NOT NULL AS is_paused FROM job_groups
            WHERE id = step.group_id LIMIT 1
        ) AS own
        LEFT JOIN LATERAL (
            SELECT row_number() OVER () AS place, found.* FROM (
                SELECT wait.upstream_step_id, wait.upstream_job_id, wait.upstream_group_id
                FROM (
                    SELECT * FROM step_waits WHERE step_id = step.id OFFSET 0
                ) AS wait LEFT JOIN LATERAL (
                    SELECT state FROM group_steps WHERE id = wait.upstream_step_id LIMIT 1
                ) AS upstream ON true
                WHERE CASE
                    WHEN step.state = 'pending' THEN wait.ended_at IS NULL
                    ELSE (step.state = 'held' OR step.skipped_for_upstream)
                        AND wait.state <> 'succeeded'
                END
                ORDER BY upstream.state IS DISTINCT FROM 'held', wait.id LIMIT :at_most
            ) AS found
        ) AS wait ON true
    UNION ALL
    SELECT 'group', job_group.id, wanted.open, job_group.id, NULL,
        NULL, job_group.outcome, NULL, NULL, false,
        NULL, job_group.paused_at IS NOT NULL, job_group.sealed_at IS NOT NULL, {_GROUP_STATES},
        found.place, found.id, NULL, NULL
    FROM unnest(CAST(:groups AS bigint[]), CAST(:open AS boolean[])) AS wanted (id, open)
        CROSS JOIN LATERAL (SELECT * FROM job_groups WHERE id = wanted.id LIMIT 1) AS job_group
        LEFT JOIN LATERAL (
            SELECT row_number() OVER () AS place, id
            FROM ({_OF_GROUP} ORDER BY place, id LIMIT :at_most) AS found
        ) AS found ON true
    """)


@dataclass(frozen=True)
class Node:
    """A step, job or group. For a group, `read` returns steps of the group as upstreams: the open
    steps if `wants_open` is true, and the unsuccessful steps if `wants_open` is false."""

    kind: UpstreamKind
    id: int
    wants_open: bool = True


@dataclass
class Found:
    """A step or group with its upstreams. `more` is true if it has more than UPSTREAMS_MAX."""

    facts: StepFacts | GroupFacts
    upstreams: list[Node] = field(default_factory=list)
    more: bool = False


def read(conn: Connection, nodes: Iterable[Node]) -> dict[Node, Found]:
    """Read the steps and groups of `nodes` with at most UPSTREAMS_MAX upstreams each.

    The result has no entry for a job, or for a step or group that does not exist.
    """
    steps = [node.id for node in nodes if node.kind is UpstreamKind.STEP]
    groups = [node for node in nodes if node.kind is UpstreamKind.GROUP]
    values = {
        "steps": steps,
        "groups": [node.id for node in groups],
        "open": [node.wants_open for node in groups],
        "at_most": UPSTREAMS_MAX + 1,
    }
    found: dict[Node, Found] = {}
    rows: Sequence[Any] = conn.execute(_LEVEL, values).all()
    for row in sorted(rows, key=lambda row: row.place or 0):
        node = Node(UpstreamKind(row.kind), row.id, row.wanted_open)
        one = found.setdefault(node, Found(_facts(row)))
        upstream = _upstream(row, one.facts)
        if upstream is None:
            continue
        if len(one.upstreams) < UPSTREAMS_MAX:
            one.upstreams.append(upstream)
        else:
            one.more = True
    return found


def _facts(row: Any) -> StepFacts | GroupFacts:
    if row.kind == UpstreamKind.GROUP:
        return GroupFacts(
            row.id,
            row.is_sealed,
            row.is_paused,
            None if row.state is None else GroupOutcome(row.state),
            {state: row._mapping[state.value] for state in StepState},
        )
    return StepFacts(
        row.group_id,
        row.key,
        row.subreddit,
        StepState(row.state),
        row.reason,
        row.job_id,
        row.follows_rerun,
        row.waiting_for,
        row.is_paused,
    )


_OF_JOBS = (StepState.ENQUEUED, StepState.FAILED, StepState.CANCELLED)


def _upstream(row: Any, facts: StepFacts | GroupFacts) -> Node | None:
    """Return the upstream in this row. For a step that follows a job, return this job instead."""
    if isinstance(facts, StepFacts) and facts.state in _OF_JOBS and facts.job_id is not None:
        return Node(UpstreamKind.JOB, facts.job_id)
    if row.upstream_step_id is not None:
        return Node(UpstreamKind.STEP, row.upstream_step_id)
    if row.upstream_job_id is not None:
        return Node(UpstreamKind.JOB, row.upstream_job_id)
    if row.upstream_group_id is not None:
        is_pending = isinstance(facts, StepFacts) and facts.state is StepState.PENDING
        return Node(UpstreamKind.GROUP, row.upstream_group_id, is_pending)
    return None
