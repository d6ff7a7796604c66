"""Find the waits whose stored end is not the present end of their upstream (job, step or group)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.group import (
    StepEnd,
    StepState,
    end_of_job,
    end_of_upstream_group,
    end_of_upstream_step,
)
from crawljobs.repository.groups.end_conditions import (
    END_OF_JOB,
    FINAL_STEPS,
    JOB_HAS_ENDED,
    OPEN_STEPS,
    UNSUCCESSFUL_STEPS,
)
from crawljobs.repository.groups.upstream_reads import job_of

# The final state of the upstream step, or null while that step is open.
_END_OF_STEP = f"CASE WHEN upstream.state IN {FINAL_STEPS} THEN upstream.state END"
# If the upstream of an ended wait opens again, the wait opens again too. If the upstream has ended
# again already, with another state, the wait gets that state. Both happen only if the waiting step
# has not run: it is pending or held, or was skipped because of an upstream. In a cancelled group, a
# skipped step stays skipped: as a pending step it would never start, and would keep the group open.
# (`batches/lifted_cancels` ends the cancel of an unfinished group after a retry.)
# Exception: if a finished group has an open step, this transaction opens the group again, and the
# earlier cancel has no further effect.
_MAY_REOPEN = f"""(
        step.state IN ('pending', 'held') OR step.state = 'skipped' AND step.skipped_for_upstream
            AND (
                SELECT cancelled_at IS NULL OR finished_at IS NOT NULL AND EXISTS (
                    SELECT FROM group_steps AS opened
                    WHERE opened.group_id = job_groups.id AND opened.state IN {OPEN_STEPS}
                )
                FROM job_groups WHERE id = step.group_id
            )
    )"""

# Because of ORDER BY and LIMIT, the planner would scan the primary key of step_waits. OFFSET 0 in
# `_waits` prevents this scan. LATERAL with LIMIT 1 makes the planner look up each step by its id.
_STEP_OF_WAIT = """
        CROSS JOIN LATERAL (SELECT * FROM group_steps WHERE id = wait.step_id LIMIT 1) AS step"""


def _waits(column: str) -> str:
    """Return a subquery for the waits with one of :ids in `column`, the id of their upstream."""
    return f"""(
            SELECT * FROM step_waits WHERE {column} = ANY (CAST(:ids AS bigint[])) OFFSET 0
        ) AS wait"""


# True if the waiting step belongs to a group that the caller has locked.
_OF_LOCKED = "step.group_id = ANY (CAST(:locked AS bigint[]))"

_WAITS_FOR_JOBS = text(f"""
    SELECT wait.id, wait.step_id, step.group_id, wait.ended_at IS NOT NULL AS was_ended, step.state,
        wait.upstream_job_id AS job_id, job.status, job.outcome, job.incomplete,
        job.error_message AS error
    FROM {_waits("upstream_job_id")} {_STEP_OF_WAIT}
        LEFT JOIN LATERAL (
            SELECT * FROM crawl_jobs WHERE id = wait.upstream_job_id LIMIT 1
        ) AS job ON true
    WHERE {_OF_LOCKED} AND CASE
            WHEN wait.ended_at IS NULL THEN {JOB_HAS_ENDED}
            ELSE job.id IS NOT NULL AND wait.state IS DISTINCT FROM {END_OF_JOB} AND {_MAY_REOPEN}
        END
    ORDER BY wait.id LIMIT :at_most
    """)

_WAITS_FOR_STEPS = text(f"""
    SELECT wait.id, wait.step_id, step.group_id, wait.ended_at IS NOT NULL AS was_ended, step.state,
        upstream.key, upstream.state AS upstream_state, upstream.reason
    FROM {_waits("upstream_step_id")} {_STEP_OF_WAIT}
        CROSS JOIN LATERAL (
            SELECT * FROM group_steps WHERE id = wait.upstream_step_id LIMIT 1
        ) AS upstream
    WHERE {_OF_LOCKED} AND wait.state IS DISTINCT FROM {_END_OF_STEP}
        AND (wait.ended_at IS NULL OR {_MAY_REOPEN})
    ORDER BY wait.id LIMIT :at_most
    """)

# If a group runs again after a retry, the waits for the group that have ended stay ended.
_WAITS_FOR_GROUPS = text(f"""
    SELECT wait.id, wait.step_id, step.group_id, wait.ended_at IS NOT NULL AS was_ended, step.state,
        wait.upstream_group_id, upstream.outcome, upstream.id IS NULL AS is_deleted
    FROM {_waits("upstream_group_id")} {_STEP_OF_WAIT}
        LEFT JOIN LATERAL (
            SELECT * FROM job_groups WHERE id = wait.upstream_group_id LIMIT 1
        ) AS upstream ON true
    WHERE {_OF_LOCKED} AND wait.upstream_group_id <> step.group_id AND wait.ended_at IS NULL
        AND (upstream.id IS NULL OR upstream.finished_at IS NOT NULL)
    ORDER BY wait.id LIMIT :at_most
    """)

# A step can wait for all other steps of its own group. Selects such waits that must end, reopen or
# end in another way. `others (open)` is true if another step is open, or if the group still accepts
# steps.
_WAITS_FOR_ALL = text(f"""
    SELECT wait.id, wait.step_id, step.group_id, wait.ended_at IS NOT NULL AS was_ended,
        step.state, others.open AS is_open, failed.key, failed.state AS failed_state
    FROM {_waits("upstream_group_id")} {_STEP_OF_WAIT}
        CROSS JOIN LATERAL (SELECT * FROM job_groups WHERE id = step.group_id LIMIT 1) AS own
        CROSS JOIN LATERAL (
            SELECT own.sealed_at IS NULL OR EXISTS (
                SELECT FROM group_steps AS other
                WHERE other.group_id = step.group_id AND other.id <> step.id
                    AND other.state IN {OPEN_STEPS}
            )
        ) AS others (open)
        LEFT JOIN LATERAL (
            SELECT key, state FROM group_steps AS other
            WHERE NOT others.open AND other.group_id = step.group_id AND other.id <> step.id
                AND other.state IN {UNSUCCESSFUL_STEPS}
            ORDER BY other.id LIMIT 1
        ) AS failed ON true
    WHERE wait.upstream_group_id = step.group_id
        AND wait.state IS DISTINCT FROM
            CASE WHEN NOT others.open THEN coalesce(failed.state, 'succeeded') END
        AND (wait.ended_at IS NULL OR {_MAY_REOPEN})
    """)


@dataclass(frozen=True)
class OutdatedWait:
    """A wait whose stored end is out of date. `end`: the upstream's end now, None if it is open.

    `was_ended` is true if the wait has an end already, from an earlier run of the upstream.
    """

    wait_id: int
    step_id: int
    group_id: int
    step_state: StepState
    was_ended: bool
    end: StepEnd | None


def of_upstreams(
    conn: Connection,
    *,
    jobs: Sequence[int],
    steps: Sequence[int],
    groups: Sequence[int],
    actors: dict[int, str],
    locked: Sequence[int],
    at_most: int,
) -> list[OutdatedWait]:
    """Return the waits for these jobs, steps and groups whose stored end is out of date.

    Only waits of the groups `locked` are returned. The caller has locked these groups.
    """
    bounds = {"locked": locked, "at_most": at_most}
    found = [
        _wait(row, end_of_job(job_of(row, actors)))
        for row in conn.execute(_WAITS_FOR_JOBS, {"ids": jobs, **bounds})
    ]
    found += [
        _wait(row, end_of_upstream_step(row.key, StepState(row.upstream_state), row.reason))
        for row in conn.execute(_WAITS_FOR_STEPS, {"ids": steps, **bounds})
    ]
    found += [
        _wait(
            row,
            end_of_upstream_group(row.upstream_group_id, row.outcome, is_deleted=row.is_deleted),
        )
        for row in conn.execute(_WAITS_FOR_GROUPS, {"ids": groups, **bounds})
    ]
    return found


def for_all(conn: Connection, groups: Sequence[int]) -> list[OutdatedWait]:
    """Return, for these groups, the outdated waits of steps that wait for all other steps."""
    rows = conn.execute(_WAITS_FOR_ALL, {"ids": groups})
    return [_wait(row, None if row.is_open else _end_of_all(row)) for row in rows]


def _wait(row: Any, end: StepEnd | None) -> OutdatedWait:
    return OutdatedWait(row.id, row.step_id, row.group_id, StepState(row.state), row.was_ended, end)


def _end_of_all(row: Any) -> StepEnd | None:
    if row.key is None:
        return StepEnd(StepState.SUCCEEDED)
    return end_of_upstream_step(row.key, StepState(row.failed_state), None)
