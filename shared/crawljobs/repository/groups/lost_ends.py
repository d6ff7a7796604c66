"""Find upstreams that have ended but whose dependent steps were not updated.

There are three reasons why a row in upstream_changes may be missing:

- A worker of an earlier release ended a job.
- A person changed a job by SQL.
- A person deleted rows of upstream_changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from crawljobs.repository.groups.end_conditions import FINAL_STEPS, JOB_HAS_ENDED

# One statement reads the waits of at most this number of steps. If each step has 100 waits, the
# statement takes about 2 s. Reading all waits of a very large group would exceed the statement
# timeout.
PAGE = 10_000

_RECORD_JOBS = text(f"""
    WITH lost AS (
        (
            SELECT step.job_id FROM group_steps AS step
                LEFT JOIN crawl_jobs AS job ON job.id = step.job_id
            WHERE step.state = 'enqueued' AND {JOB_HAS_ENDED}
            ORDER BY step.id LIMIT :at_most
        ) UNION (
            SELECT wait.upstream_job_id FROM step_waits AS wait
                LEFT JOIN crawl_jobs AS job ON job.id = wait.upstream_job_id
            WHERE wait.upstream_job_id IS NOT NULL AND wait.ended_at IS NULL AND {JOB_HAS_ENDED}
            ORDER BY wait.id LIMIT :at_most
        )
    )
    INSERT INTO upstream_changes (job_id) SELECT job_id FROM lost RETURNING id
    """)

# Records the ends of steps and groups for which a pending step of the page still waits. With OFFSET
# 0 and LIMIT 1, Postgres joins in the written order: groups, pending steps, waits, upstreams. So
# the page has the next steps, sorted by group and id.
_RECORD_STEPS_AND_GROUPS = text(f"""
    WITH page AS MATERIALIZED (
        SELECT open_group.id AS group_id, step.id AS step_id
        FROM (
                SELECT id FROM job_groups
                WHERE finished_at IS NULL AND pending > 0 AND id >= :group_id
                ORDER BY id OFFSET 0
            ) AS open_group
            CROSS JOIN LATERAL (
                SELECT id FROM group_steps
                WHERE group_id = open_group.id AND state = 'pending' AND waiting_for > 0
                    AND (open_group.id > :group_id OR id > :step_id)
                ORDER BY id OFFSET 0
            ) AS step
        LIMIT :steps
    ), lost AS (
        SELECT DISTINCT wait.upstream_step_id, wait.upstream_group_id
        FROM page
            CROSS JOIN LATERAL (
                SELECT upstream_step_id, upstream_group_id FROM step_waits
                WHERE step_id = page.step_id AND ended_at IS NULL AND upstream_job_id IS NULL
                    AND upstream_group_id IS DISTINCT FROM page.group_id OFFSET 0
            ) AS wait
            LEFT JOIN LATERAL (
                SELECT state FROM group_steps WHERE id = wait.upstream_step_id LIMIT 1
            ) AS upstream_step ON true
            LEFT JOIN LATERAL (
                SELECT id, finished_at FROM job_groups WHERE id = wait.upstream_group_id LIMIT 1
            ) AS upstream_group ON true
        WHERE upstream_step.state IN {FINAL_STEPS} OR upstream_group.finished_at IS NOT NULL
            OR wait.upstream_group_id IS NOT NULL AND upstream_group.id IS NULL
        LIMIT :at_most
    ), recorded AS (
        INSERT INTO upstream_changes (step_id, group_id)
        SELECT upstream_step_id, upstream_group_id FROM lost RETURNING id
    )
    SELECT (SELECT count(*) FROM recorded) AS ends, (SELECT count(*) FROM page) AS steps,
        last.group_id, last.step_id
    FROM (VALUES (1)) AS one LEFT JOIN LATERAL (
        SELECT group_id, step_id FROM page ORDER BY group_id DESC, step_id DESC LIMIT 1
    ) AS last ON true
    """)


@dataclass(frozen=True)
class Place:
    """The place of a step in the search. Steps are sorted by their group's id, then by their id."""

    group_id: int = 0
    step_id: int = 0


@dataclass(frozen=True)
class SearchedPage:
    """The number of recorded ends, and the place of the page's last step.

    `last` is None if no page follows.
    """

    ends: int
    last: Place | None


def record_jobs(conn: Connection, *, at_most: int) -> int:
    """Record the ends of jobs whose dependent steps were not updated. Return the number of records.

    Records at most `at_most` ends of jobs that steps follow, and at most `at_most` ends of jobs for
    which steps wait. The resolver then updates the steps. A second record of the same end changes
    nothing.
    """
    return len(conn.execute(_RECORD_JOBS, {"at_most": at_most}).all())


def record_steps_and_groups(
    conn: Connection, *, after: Place, at_most: int, steps: int = PAGE
) -> SearchedPage:
    """Record at most `at_most` ends of steps and groups for which pending steps still wait.

    Examines the next `steps` pending steps after the place `after`.
    """
    values = {"at_most": at_most, "steps": steps, **vars(after)}
    row = conn.execute(_RECORD_STEPS_AND_GROUPS, values).one()
    last = Place(row.group_id, row.step_id) if row.steps == steps else None
    return SearchedPage(row.ends, last)
