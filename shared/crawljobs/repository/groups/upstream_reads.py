"""Find the steps with an outdated state, and the groups whose steps depend on changed upstreams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.group import JobState, RequiredOutcome, StepState
from crawljobs.domain.job import JobStatus
from crawljobs.repository.groups.end_conditions import END_OF_STEP, JOB_HAS_ENDED, page_of_waits

# A step can wait for other steps, for jobs and for groups. If it waits for a step, both steps are
# in the same group. Many steps may wait for one job or one group, so these waits are read in pages.
_GROUPS = text(f"""
    SELECT group_id FROM group_steps WHERE job_id = ANY (CAST(:jobs AS bigint[]))
    UNION SELECT step.group_id FROM group_steps AS step WHERE id = ANY (CAST(:steps AS bigint[]))
    UNION SELECT step.group_id
    FROM (
        SELECT wait.step_id
        FROM unnest(CAST(:jobs AS bigint[]), CAST(:jobs_after AS bigint[])) AS asked (id, after)
            {page_of_waits("upstream_job_id")}
        UNION SELECT wait.step_id
        FROM unnest(CAST(:groups AS bigint[]), CAST(:groups_after AS bigint[])) AS asked (id, after)
            {page_of_waits("upstream_group_id")}
    ) AS wait CROSS JOIN LATERAL (
        SELECT group_id FROM group_steps WHERE id = wait.step_id LIMIT 1
    ) AS step
    UNION SELECT id FROM job_groups WHERE id = ANY (CAST(:groups AS bigint[]))
    """)

# Reads steps of the groups that the caller has locked. A final step is outdated if its job is live
# again, or if the job was retried and has ended in another way since then.
_STEPS = text(f"""
    SELECT step.id, step.group_id, step.state, step.require_outcome, step.job_id, job.status,
        job.outcome, job.incomplete, job.error_message AS error, follow_up.id AS follow_up_id
    FROM (
            SELECT * FROM group_steps WHERE job_id = ANY (CAST(:jobs AS bigint[])) OFFSET 0
        ) AS step
        LEFT JOIN LATERAL (SELECT * FROM crawl_jobs WHERE id = step.job_id LIMIT 1) AS job ON true
        LEFT JOIN LATERAL (
            SELECT id FROM crawl_jobs AS next
            WHERE step.follows_rerun AND next.follow_up_of = step.job_id
                AND next.created_at >= step.changed_at
            ORDER BY id LIMIT 1
        ) AS follow_up ON true
    WHERE step.group_id = ANY (CAST(:locked AS bigint[]))
        AND step.state IN ('enqueued', 'succeeded', 'failed', 'cancelled')
        AND CASE
            WHEN step.state = 'enqueued' THEN {JOB_HAS_ENDED}
            ELSE job.id IS NOT NULL AND step.state IS DISTINCT FROM {END_OF_STEP}
        END
    ORDER BY step.id LIMIT :at_most
    """)


@dataclass(frozen=True)
class OutdatedStep:
    """A step whose stored state does not agree with the present state of its job."""

    step_id: int
    group_id: int
    state: StepState
    required: RequiredOutcome
    job: JobState
    follow_up_id: int | None


def groups_of(
    conn: Connection,
    *,
    jobs: Mapping[int, int],
    steps: Iterable[int],
    groups: Mapping[int, int],
    at_most: int,
) -> list[int]:
    """Return the ids of the groups whose steps depend on these jobs, steps or groups.

    `jobs` and `groups` map the id of each upstream to the id of the last processed wait for this
    upstream. The function reads the next `at_most` waits for each upstream.
    """
    values = {
        "jobs": [*jobs],
        "jobs_after": [*jobs.values()],
        "steps": [*steps],
        "groups": [*groups],
        "groups_after": [*groups.values()],
        "at_most": at_most,
    }
    return sorted(conn.execute(_GROUPS, values).scalars())


def outdated_steps(
    conn: Connection,
    jobs: Sequence[int],
    actors: dict[int, str],
    *,
    locked: Sequence[int],
    at_most: int,
) -> list[OutdatedStep]:
    """Return the steps that follow these jobs and have an outdated state.

    - `actors`: maps the id of a cancelled job to the actor that cancelled the job.
    - `locked`: the ids of the groups that the caller has locked. Only steps of these groups are
      returned. Other steps are updated when a later row of upstream_changes is processed.
    """
    return [
        OutdatedStep(
            row.id,
            row.group_id,
            StepState(row.state),
            RequiredOutcome(row.require_outcome),
            job_of(row, actors),
            row.follow_up_id,
        )
        for row in conn.execute(_STEPS, {"jobs": jobs, "locked": locked, "at_most": at_most})
    ]


def job_of(row: Any, actors: dict[int, str]) -> JobState:
    """Return the job's state from the columns of the row. A deleted job has the status None."""
    return JobState(
        row.job_id,
        None if row.status is None else JobStatus(row.status),
        row.outcome,
        bool(row.incomplete),
        row.error,
        actors.get(row.job_id),
    )
