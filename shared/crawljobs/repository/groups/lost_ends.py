"""Find upstreams that have ended but whose dependent steps were not updated.

Workers of an earlier release end a job without a row in upstream_changes, and a person may change a
job by SQL or delete rows of upstream_changes.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from crawljobs.repository.groups.end_conditions import FINAL_STEPS, JOB_HAS_ENDED

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

# Records the steps and groups that have ended, but for which a pending step still waits. OFFSET 0
# and LIMIT 1 keep the order of the joins: groups, their pending steps, the waits of these,
# upstreams.
_RECORD_STEPS_AND_GROUPS = text(f"""
    WITH lost AS (
        SELECT DISTINCT wait.upstream_step_id, wait.upstream_group_id
        FROM (
                SELECT id FROM job_groups WHERE finished_at IS NULL AND pending > 0
                ORDER BY id OFFSET 0
            ) AS open_group
            CROSS JOIN LATERAL (
                SELECT id FROM group_steps
                WHERE group_id = open_group.id AND state = 'pending' AND waiting_for > 0 OFFSET 0
            ) AS step
            CROSS JOIN LATERAL (
                SELECT upstream_step_id, upstream_group_id FROM step_waits
                WHERE step_id = step.id AND ended_at IS NULL AND upstream_job_id IS NULL
                    AND upstream_group_id IS DISTINCT FROM open_group.id OFFSET 0
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
    )
    INSERT INTO upstream_changes (step_id, group_id)
    SELECT upstream_step_id, upstream_group_id FROM lost RETURNING id
    """)


def record_lost_ends(conn: Connection, *, at_most: int) -> int:
    """Record the ends of jobs, steps and groups whose dependent steps were not updated.

    Records at most `at_most` ends of each kind. Returns the number of recorded ends. The resolver
    then updates the steps. A second record of the same end changes nothing.
    """
    values = {"at_most": at_most}
    statements = (_RECORD_JOBS, _RECORD_STEPS_AND_GROUPS)
    return sum(len(conn.execute(each, values).all()) for each in statements)
