"""Find the waits whose stored end state differs from that of the upstream (job, step or group)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, TextClause, text

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
    MAY_REOPEN,
    OPEN_STEPS,
    UNSUCCESSFUL_STEPS,
    page_of_waits,
)
from crawljobs.repository.groups.upstream_reads import job_of

# The final state of the upstream step, or null while that step is open.
_END_OF_STEP = f"CASE WHEN upstream.state IN {FINAL_STEPS} THEN upstream.state END"
# LATERAL with LIMIT 1 makes the planner look up each step by its id.
_STEP_OF_WAIT = """
        CROSS JOIN LATERAL (SELECT * FROM group_steps WHERE id = wait.step_id LIMIT 1) AS step"""


_ASKED = "unnest(CAST(:ids AS bigint[]), CAST(:after AS bigint[])) AS asked (id, after)"
# The columns that the next three statements share. `is_locked` is true if the caller has locked the
# group of the wait's step.
_COLUMNS = """wait.id, asked.id AS upstream_id, wait.step_id, step.group_id, step.state,
        wait.ended_at IS NOT NULL AS was_ended,
        step.group_id = ANY (CAST(:locked AS bigint[])) AS is_locked"""

_WAITS_FOR_JOBS = text(f"""
    SELECT {_COLUMNS}, wait.upstream_job_id AS job_id, job.status, job.outcome, job.incomplete,
        job.error_message AS error,
        CASE
            WHEN wait.ended_at IS NULL THEN {JOB_HAS_ENDED}
            ELSE job.id IS NOT NULL AND wait.state IS DISTINCT FROM {END_OF_JOB} AND {MAY_REOPEN}
        END AS is_outdated
    FROM {_ASKED} {page_of_waits("upstream_job_id")} {_STEP_OF_WAIT}
        LEFT JOIN LATERAL (
            SELECT * FROM crawl_jobs WHERE id = wait.upstream_job_id LIMIT 1
        ) AS job ON true
    """)

_WAITS_FOR_STEPS = text(f"""
    SELECT {_COLUMNS}, upstream.key, upstream.state AS upstream_state, upstream.reason,
        wait.state IS DISTINCT FROM {_END_OF_STEP}
            AND (wait.ended_at IS NULL OR {MAY_REOPEN}) AS is_outdated
    FROM {_ASKED} {page_of_waits("upstream_step_id")} {_STEP_OF_WAIT}
        CROSS JOIN LATERAL (
            SELECT * FROM group_steps WHERE id = wait.upstream_step_id LIMIT 1
        ) AS upstream
    """)

# If a group runs again after a retry, the ended waits for this group do not reopen.
_WAITS_FOR_GROUPS = text(f"""
    SELECT {_COLUMNS}, wait.upstream_group_id, upstream.outcome, upstream.id IS NULL AS is_deleted,
        wait.upstream_group_id <> step.group_id AND wait.ended_at IS NULL
            AND (upstream.id IS NULL OR upstream.finished_at IS NOT NULL) AS is_outdated
    FROM {_ASKED} {page_of_waits("upstream_group_id")} {_STEP_OF_WAIT}
        LEFT JOIN LATERAL (
            SELECT * FROM job_groups WHERE id = wait.upstream_group_id LIMIT 1
        ) AS upstream ON true
    """)

# A step can wait for all other steps of its own group. The query selects the waits of this kind
# that must end, reopen, or get another end state. `others (open)` is true while another step is
# open or the group accepts further steps.
_WAITS_FOR_ALL = text(f"""
    SELECT wait.id, wait.step_id, step.group_id, wait.ended_at IS NOT NULL AS was_ended,
        step.state, others.open AS is_open, failed.key, failed.state AS failed_state
    FROM (
            SELECT * FROM step_waits
            WHERE upstream_group_id = ANY (CAST(:ids AS bigint[])) OFFSET 0
        ) AS wait {_STEP_OF_WAIT}
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
        AND (wait.ended_at IS NULL OR {MAY_REOPEN})
    """)


@dataclass(frozen=True)
class OutdatedWait:
    """A wait whose stored end differs from `end`, the present end of its upstream.

    `end` is None if the upstream is open. `was_ended` is true if the wait has a stored end, from an
    earlier run of the upstream.
    """

    wait_id: int
    step_id: int
    group_id: int
    step_state: StepState
    was_ended: bool
    end: StepEnd | None


@dataclass(frozen=True)
class Page:
    """Outdated waits for some upstreams of one kind: jobs, steps or groups.

    - `rests`: for each upstream with waits that this page has not examined, the id after which
      these waits begin.
    - `groups_with_rest`: the groups of the first unexamined waits.
    """

    waits: Sequence[OutdatedWait]
    rests: Mapping[int, int]
    groups_with_rest: Set[int]


def for_jobs(
    conn: Connection,
    after: Mapping[int, int],
    *,
    actors: dict[int, str],
    locked: Sequence[int],
    at_most: int,
) -> Page:
    """Return the waits for these jobs whose stored end is out of date.

    `after` maps each job to the id of a wait. For each job, at most `at_most` waits with greater
    ids are examined. The search for a job stops before the first wait of a group that the caller
    has not locked: `locked` are the locked groups.
    """
    return _page(
        conn, _WAITS_FOR_JOBS, after, locked, at_most, lambda row: end_of_job(job_of(row, actors))
    )


def for_steps(
    conn: Connection, after: Mapping[int, int], *, locked: Sequence[int], at_most: int
) -> Page:
    """Return the outdated waits for these steps. The parameters are those of `for_jobs`."""

    def end(row: Any) -> StepEnd | None:
        return end_of_upstream_step(row.key, StepState(row.upstream_state), row.reason)

    return _page(conn, _WAITS_FOR_STEPS, after, locked, at_most, end)


def for_groups(
    conn: Connection, after: Mapping[int, int], *, locked: Sequence[int], at_most: int
) -> Page:
    """Return open waits for finished or deleted groups. The parameters are as in `for_jobs`."""

    def end(row: Any) -> StepEnd | None:
        return end_of_upstream_group(row.upstream_group_id, row.outcome, is_deleted=row.is_deleted)

    return _page(conn, _WAITS_FOR_GROUPS, after, locked, at_most, end)


def _page(
    conn: Connection,
    statement: TextClause,
    after: Mapping[int, int],
    locked: Sequence[int],
    at_most: int,
    end: Callable[[Any], StepEnd | None],
) -> Page:
    if not after:
        return Page([], {}, frozenset())
    # One wait more than `at_most` is read, to find out whether the upstream has waits left.
    values = {
        "ids": [*after],
        "after": [*after.values()],
        "locked": locked,
        "at_most": at_most + 1,
    }
    last, read, rests = dict(after), Counter[int](), dict[int, int]()
    waits: list[OutdatedWait] = []
    groups: set[int] = set()
    for row in sorted(conn.execute(statement, values), key=lambda row: row.id):
        upstream = row.upstream_id
        read[upstream] += 1
        if upstream in rests:
            continue
        if read[upstream] > at_most or not row.is_locked:
            rests[upstream] = last[upstream]
            groups.add(row.group_id)
            continue
        last[upstream] = row.id
        if row.is_outdated:
            waits.append(_wait(row, end(row)))
    return Page(waits, rests, groups)


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
