"""Find the stored steps of a group that new steps refer to."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, text

from crawljobs.domain.group import StepState
from crawljobs.domain.group_plan import StepRequest, StoredStep

# The steps with one of these keys or subreddits, and the step that waits for all others.
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

# For each of the steps `ids`: the keys of the steps for which it waits, directly or through other
# steps. The result has only steps that crawl one of `subreddits`.
_ANCESTORS = text("""
    WITH RECURSIVE before (start, step_id) AS (
        SELECT id, id FROM group_steps WHERE id = ANY (CAST(:ids AS bigint[]))
        UNION
        SELECT before.start, wait.upstream_step_id
        FROM before CROSS JOIN LATERAL (
            SELECT upstream_step_id FROM step_waits
            WHERE step_id = before.step_id AND upstream_step_id IS NOT NULL OFFSET 0
        ) AS wait
    )
    SELECT start.key AS start, step.key
    FROM before
        CROSS JOIN LATERAL (SELECT key FROM group_steps WHERE id = before.start LIMIT 1) AS start
        CROSS JOIN LATERAL (SELECT * FROM group_steps WHERE id = before.step_id LIMIT 1) AS step
    WHERE before.step_id <> before.start AND step.subreddit_id = ANY (CAST(:subreddits AS bigint[]))
    """)


def stored_steps(
    conn: Connection,
    *,
    group_id: int,
    steps: Iterable[StepRequest],
    subreddit_ids: Collection[int],
) -> dict[str, StoredStep]:
    """Return by key the stored steps to which new steps refer, or with one of these subreddits."""
    keys = {step.key for step in steps}
    keys |= {each.key for step in steps for each in step.after if each.key is not None}
    values = {"group_id": group_id, "keys": sorted(keys), "subreddits": sorted(subreddit_ids)}
    return {
        row.key: StoredStep(
            row.id, row.key, row.name, row.depth, StepState(row.state), row.reason, row.after_all
        )
        for row in conn.execute(_FIND, values)
    }


def ancestors(
    conn: Connection, steps: Iterable[StoredStep], *, subreddit_ids: Collection[int]
) -> dict[str, frozenset[str]]:
    """Return for each step the keys of the steps before it that crawl these subreddits."""
    found: dict[str, set[str]] = {step.key: set() for step in steps}
    values = {"ids": [step.id for step in steps], "subreddits": sorted(subreddit_ids)}
    for row in conn.execute(_ANCESTORS, values):
        found[row.start].add(row.key)
    return {key: frozenset(keys) for key, keys in found.items()}
