"""Find the stored steps to which new steps of the same group refer."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, text

from crawljobs.domain.group import StepState
from crawljobs.domain.group_plan import StepRequest, StoredStep

# The steps with one of these keys or subreddits, and the step that waits for all other steps.
_FIND = text("""
    SELECT step.id, step.key, subreddit.name, step.depth, step.state, step.reason,
        waits_for_all.id IS NOT NULL AS after_all
    FROM (
            SELECT id FROM group_steps
            WHERE group_id = :group_id AND key = ANY (CAST(:keys AS text[]))
            UNION SELECT id FROM group_steps
            WHERE group_id = :group_id AND subreddit_id = ANY (CAST(:subreddits AS bigint[]))
            UNION SELECT step_id FROM step_waits WHERE upstream_group_id = :group_id
        ) AS found
        CROSS JOIN LATERAL (
            SELECT * FROM group_steps WHERE id = found.id AND group_id = :group_id LIMIT 1
        ) AS step
        CROSS JOIN LATERAL (
            SELECT name FROM subreddits WHERE id = step.subreddit_id LIMIT 1
        ) AS subreddit
        LEFT JOIN LATERAL (
            SELECT id FROM step_waits
            WHERE step_id = step.id AND upstream_group_id = step.group_id LIMIT 1
        ) AS waits_for_all ON true
    """)


def stored_steps(
    conn: Connection,
    *,
    group_id: int,
    steps: Iterable[StepRequest],
    subreddit_ids: Collection[int],
) -> dict[str, StoredStep]:
    """Return the stored steps, by key, that the check of the new `steps` needs:

    - steps with a key of a new step or of its upstreams
    - steps that crawl one of the subreddits
    - the step that waits for all other steps
    """
    keys = {step.key for step in steps}
    keys |= {each.key for step in steps for each in step.after if each.key is not None}
    values = {"group_id": group_id, "keys": sorted(keys), "subreddits": sorted(subreddit_ids)}
    return {
        row.key: StoredStep(
            row.id, row.key, row.name, row.depth, StepState(row.state), row.reason, row.after_all
        )
        for row in conn.execute(_FIND, values)
    }
