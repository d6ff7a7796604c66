"""Find ended jobs whose dependent steps were not updated.

Such jobs were ended by SQL of a person, or by workers of an earlier release, which write no row to
upstream_changes.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from crawljobs.repository.groups.end_conditions import JOB_HAS_ENDED

_RECORD = text(f"""
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


def record_lost_ends(conn: Connection, *, at_most: int) -> int:
    """Record the ended jobs that steps or waits still treat as live.

    Reads at most `at_most` such steps and as many waits. Returns the number of recorded jobs. The
    resolver then updates the steps. A second record of the same end changes nothing.
    """
    return len(conn.execute(_RECORD, {"at_most": at_most}).all())
