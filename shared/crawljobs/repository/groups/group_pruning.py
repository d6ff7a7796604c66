"""Delete finished groups after the retention, a limited number of rows in each transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.domain.group import StepState
from crawljobs.domain.group_plan import WAITS_MAX
from crawljobs.repository.queue.queue_sql import NOW, passing_over

CHUNK = 1_000  # one transaction deletes at most this many groups, and about this many steps
# A step is deleted together with all its waits. So a chunk must have room for a step with WAITS_MAX
# waits.
_ROWS_MIN = WAITS_MAX + 1

# True if a step of another group still waits for the end of this group. Then this group stays until
# the resolver has stored the group's end in the wait. OFFSET 0 and LIMIT 1 make Postgres join in
# the written order.
_AWAITED = """(
        SELECT true FROM (
            SELECT step_id FROM step_waits
            WHERE upstream_group_id = job_groups.id AND ended_at IS NULL OFFSET 0
        ) AS wait CROSS JOIN LATERAL (
            SELECT group_id FROM group_steps WHERE id = wait.step_id LIMIT 1
        ) AS step
        WHERE step.group_id <> job_groups.id LIMIT 1
    )"""

# `found` has one row for each wait of a step, and one row for a step without waits. If there are
# more rows than one call may delete, `found` ends with one additional row (`cut`). The step of the
# additional row, its group and all later groups stay for the next call. The statement subtracts the
# deleted steps from the counts of this group.
_PRUNE = text(f"""
    WITH old AS MATERIALIZED (
        SELECT id, row_number() OVER () AS place FROM (
            SELECT id FROM job_groups
            WHERE finished_at < {NOW} - CAST(:retention AS interval) AND {_AWAITED} IS NULL
            ORDER BY finished_at, id LIMIT :at_most
            FOR UPDATE SKIP LOCKED
        ) AS old
    ), found AS MATERIALIZED (
        SELECT old.id AS group_id, old.place, step.id AS step_id, step.state,
            row_number() OVER () AS number
        FROM old CROSS JOIN LATERAL (
            SELECT id, state FROM group_steps WHERE group_id = old.id LIMIT :rows + 1
        ) AS step LEFT JOIN LATERAL (
            SELECT id FROM step_waits WHERE step_id = step.id LIMIT :rows + 1
        ) AS wait ON true
        LIMIT :rows + 1
    ), cut AS MATERIALIZED (
        SELECT group_id, place, step_id FROM found WHERE number > :rows
    ), gone AS MATERIALIZED (
        SELECT DISTINCT step_id AS id, group_id, state FROM found
        WHERE step_id IS DISTINCT FROM (SELECT step_id FROM cut)
    ), steps AS (
        DELETE FROM group_steps WHERE id = ANY (ARRAY(SELECT id FROM gone)) RETURNING id
    ), counted AS (
        UPDATE job_groups SET {", ".join(f"{s} = job_groups.{s} - less.{s}" for s in StepState)}
        FROM (
            SELECT {", ".join(f"count(*) FILTER (WHERE state = '{s}') AS {s}" for s in StepState)}
            FROM gone WHERE group_id = (SELECT group_id FROM cut)
        ) AS less
        WHERE job_groups.id = (SELECT group_id FROM cut)
    ), pruned AS (
        DELETE FROM job_groups WHERE id = ANY (ARRAY(
            SELECT id FROM old WHERE place < coalesce((SELECT place FROM cut), :at_most + 1)
        ))
        RETURNING id
    )
    SELECT (SELECT count(*) FROM pruned) AS groups, (SELECT count(*) FROM steps) AS steps,
        EXISTS (SELECT FROM cut) AS is_cut
    """)


@dataclass(frozen=True)
class PrunedGroups:
    """The numbers of deleted groups and steps, and whether more rows may be left to delete."""

    groups: int
    steps: int
    more: bool


def prune_groups(
    conn: Connection,
    *,
    retention: timedelta,
    at_most: int = CHUNK,
    skip: int = 0,
    now: datetime | None = None,
) -> PrunedGroups:
    """Delete groups that finished more than `retention` ago, with their steps and waits.

    One call deletes at most `at_most` groups and about `at_most` steps and waits, so a group with
    more steps needs several calls. A group stays while a step of another group waits for its end. A
    group with a held step has not finished, so it stays.
    """
    rows = max(at_most, _ROWS_MIN)
    values = {"retention": retention, "at_most": at_most, "rows": rows, "now": now}
    row = conn.execute(passing_over(_PRUNE, skip), values).one()
    return PrunedGroups(row.groups, row.steps, more=row.is_cut or row.groups == at_most)
