"""Store the waits of new steps. If an upstream has already ended, its wait is stored as ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.group import (
    JobState,
    StepEnd,
    end_of_job,
    end_of_upstream_group,
    end_of_upstream_step,
)
from crawljobs.domain.group_plan import PlanError, StepRequest, StoredStep
from crawljobs.domain.job import JobStatus
from crawljobs.repository.groups import step_writes
from crawljobs.repository.queue.queue_sql import CLOCK

# Another transaction may end one of these jobs at the same time. That transaction waits for this
# lock, and then reads the new value of `watched`.
_LOCK_JOBS = text("""
    SELECT id AS job_id, status, outcome, incomplete, error_message AS error FROM crawl_jobs
    WHERE id = ANY (CAST(:ids AS bigint[])) ORDER BY subreddit_id, id FOR UPDATE
    """)
_WATCH = text("""
    UPDATE crawl_jobs SET watched = true
    WHERE id = ANY (CAST(:ids AS bigint[])) AND NOT watched
    """)
_READ_GROUPS = text("""
    SELECT id, sealed_at IS NOT NULL AS is_sealed, outcome FROM job_groups
    WHERE id = ANY (CAST(:ids AS bigint[]))
    """)
_INSERT = text(f"""
    INSERT INTO step_waits (
        step_id, upstream_step_id, upstream_job_id, upstream_group_id, state, reason, ended_at)
    SELECT step_id, step, job, upstream_group, state, reason,
        CASE WHEN state IS NOT NULL THEN {CLOCK} END
    FROM unnest(
        CAST(:step_ids AS bigint[]), CAST(:steps AS bigint[]), CAST(:jobs AS bigint[]),
        CAST(:groups AS bigint[]), CAST(:states AS text[]), CAST(:reasons AS text[])
    ) AS new (step_id, step, job, upstream_group, state, reason)
    """)


@dataclass(frozen=True)
class Upstreams:
    """The jobs and groups for which new steps wait. Maps each id to the end of the job or group.

    The end is None if the job or group has not ended. `unsealed` has the ids of unsealed groups.
    """

    jobs: Mapping[int, StepEnd | None]
    groups: Mapping[int, StepEnd | None]
    unsealed: frozenset[int]


def lock_upstreams(conn: Connection, steps: Sequence[StepRequest]) -> Upstreams:
    """Lock the jobs for which the steps wait, and mark them as watched.

    The caller has locked the groups for which the steps wait. Jobs and groups that do not exist are
    absent from the result.
    """
    after = [each for step in steps for each in step.after]
    job_ids = sorted({each.job_id for each in after if each.job_id is not None})
    group_ids = sorted({each.group_id for each in after if each.group_id is not None})
    jobs = {
        row.job_id: end_of_job(
            JobState(row.job_id, JobStatus(row.status), row.outcome, row.incomplete, row.error)
        )
        for row in (conn.execute(_LOCK_JOBS, {"ids": job_ids}) if job_ids else ())
    }
    if jobs:
        conn.execute(_WATCH, {"ids": sorted(jobs)})
    rows = conn.execute(_READ_GROUPS, {"ids": group_ids}).all() if group_ids else []
    return Upstreams(
        jobs,
        {row.id: end_of_upstream_group(row.id, row.outcome) for row in rows},
        frozenset(row.id for row in rows if not row.is_sealed),
    )


def errors_of(
    steps: Sequence[StepRequest], upstreams: Upstreams, *, group_id: int
) -> list[PlanError]:
    """Return an error for each wait for an unknown job or group, or for the step's own group."""
    found: list[PlanError] = []
    for at, step in enumerate(steps):
        for place, each in enumerate(step.after):
            pointer = f"/{at}/after/{place}"
            if each.job_id is not None and each.job_id not in upstreams.jobs:
                found.append(PlanError(pointer, f"there is no job {each.job_id}"))
            elif each.group_id == group_id:
                found.append(PlanError(pointer, 'a step waits for its own group with "all"'))
            elif each.group_id is not None and each.group_id not in upstreams.groups:
                found.append(PlanError(pointer, f"there is no group {each.group_id}"))
    return found


def store(
    conn: Connection,
    steps: Sequence[StepRequest],
    ids: Mapping[str, int],
    *,
    group_id: int,
    stored: Mapping[str, StoredStep],
    upstreams: Upstreams,
    now: datetime | None = None,
) -> None:
    """Insert the waits of the steps. Store the number of each step's open waits in the step.

    `ids` maps the keys of these steps to their ids.
    """
    rows: list[tuple[int, int | None, int | None, int | None, StepEnd | None]] = []
    for step in steps:
        step_id = ids[step.key]
        if step.after_all:
            rows.append((step_id, None, None, group_id, None))
        for each in dict.fromkeys(step.after):
            if each.job_id is not None:
                rows.append((step_id, None, each.job_id, None, upstreams.jobs[each.job_id]))
            elif each.group_id is not None:
                rows.append((step_id, None, None, each.group_id, upstreams.groups[each.group_id]))
            elif each.key is not None and each.key in ids:
                rows.append((step_id, ids[each.key], None, None, None))
            elif each.key is not None:
                known = stored[each.key]
                end = end_of_upstream_step(known.key, known.state, known.reason)
                rows.append((step_id, known.id, None, None, end))
    if not rows:
        return
    values: dict[str, Any] = {
        name: [row[at] for row in rows]
        for at, name in enumerate(("step_ids", "steps", "jobs", "groups"))
    }
    values["states"] = [row[4] and row[4].state.value for row in rows]
    values["reasons"] = [row[4] and row[4].reason for row in rows]
    conn.execute(_INSERT, {**values, "now": now})
    step_writes.recount(conn, {row[0] for row in rows})
