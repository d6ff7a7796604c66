"""Lock groups, count their steps by state, and finish a group that has no open step."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.group import GroupOutcome, StepState, outcome_of_group
from crawljobs.domain.webhook import EventType
from crawljobs.repository import scheduler_hint
from crawljobs.repository.groups.end_conditions import OPEN_STEPS
from crawljobs.repository.groups.step_writes import StepChange
from crawljobs.repository.queue.queue_sql import CLOCK
from crawljobs.repository.webhooks.events import first_failures, group_events
from crawljobs.repository.webhooks.events.event_interest import wanted_sql

_STATES = ", ".join(StepState)

_LOCK = text("""
    SELECT id FROM job_groups WHERE id = ANY (CAST(:ids AS bigint[])) ORDER BY id FOR UPDATE
    """)

_ADD = text(f"""
    UPDATE job_groups AS job_group SET
        {", ".join(f"{state} = job_group.{state} + new.{state}" for state in StepState)}
    FROM jsonb_to_recordset(CAST(:changes AS jsonb)) AS new (
        id bigint, {", ".join(f"{state} integer" for state in StepState)})
    WHERE job_group.id = new.id AND job_group.id = ANY (CAST(:ids AS bigint[]))
    """)

# `has_open`: the group has an open step. `has_ready`: a pending step of the group has no open wait.
_READ = text(f"""
    SELECT id, generation, scheduled_job_id, {_STATES}, cancelled_at IS NOT NULL AS is_cancelled,
        sealed_at IS NOT NULL AS is_sealed, finished_at IS NOT NULL AS is_finished,
        paused_at IS NOT NULL AS is_paused, ready_at IS NOT NULL AS is_ready,
        EXISTS (SELECT FROM group_steps WHERE group_id = job_groups.id AND state IN {OPEN_STEPS})
            AS has_open,
        EXISTS (
            SELECT FROM group_steps
            WHERE group_id = job_groups.id AND state = 'pending' AND waiting_for = 0
        ) AS has_ready,
        {wanted_sql(EventType.GROUP_STEP_FAILED)} AS wants_failures
    FROM job_groups WHERE id = ANY (CAST(:ids AS bigint[]))
    """)

_MARK_READY = text(f"""
    UPDATE job_groups SET ready_at = {CLOCK} WHERE id = ANY (CAST(:ids AS bigint[]))
    """)
_MARK_UNREADY = text("""
    UPDATE job_groups SET ready_at = NULL WHERE id = ANY (CAST(:ids AS bigint[]))
    """)

# A retry opens the group again. So an earlier cancel of the group has no further effect.
_REOPEN = text("""
    UPDATE job_groups SET finished_at = NULL, outcome = NULL, generation = generation + 1,
        cancelled_at = NULL, cancelled_by = NULL
    WHERE id = ANY (CAST(:ids AS bigint[]))
    """)

# A finished group gets a row in upstream_changes only if a step waits for the group.
_FINISH = text(f"""
    WITH finished AS (
        UPDATE job_groups AS job_group SET finished_at = {CLOCK}, outcome = new.outcome
        FROM unnest(CAST(:ids AS bigint[]), CAST(:outcomes AS text[])) AS new (id, outcome)
        WHERE job_group.id = new.id AND job_group.id = ANY (CAST(:ids AS bigint[]))
        RETURNING job_group.id, generation, finished_at, job_group.outcome
    ), recorded AS (
        INSERT INTO group_finishes (group_id, generation, finished_at, outcome)
        SELECT id, generation, finished_at, outcome FROM finished
    ), announced AS (
        INSERT INTO upstream_changes (group_id)
        SELECT id FROM finished
        WHERE EXISTS (SELECT FROM step_waits WHERE upstream_group_id = finished.id)
    )
    SELECT {wanted_sql(EventType.GROUP_FINISHED)}
    """)


@dataclass(frozen=True)
class Finished:
    """A group that finished, and its outcome."""

    group_id: int
    generation: int
    outcome: GroupOutcome


def lock(conn: Connection, group_ids: Iterable[int]) -> None:
    """Lock groups until the transaction ends, in the order that all transactions use."""
    conn.execute(_LOCK, {"ids": sorted(group_ids)})


def update(
    conn: Connection,
    group_ids: Iterable[int],
    changes: Sequence[StepChange],
    *,
    unfinished: Set[int] = frozenset(),
    now: datetime | None = None,
) -> list[Finished]:
    """Count the changed steps of the groups, and update the state of each group.

    The caller holds the locks of the groups. Writes the events of webhooks. Returns the groups that
    finished. The function stores these states:

    - Ready: a group that is not paused and has a step to start.
    - Finished: a sealed group without open steps. If its schedule is overdue, because the schedule
      waited for this end, the scheduler gets a hint. Groups in `unfinished` do not finish, because
      the caller has not updated all waits of their steps yet.
    - Reopened: a finished group with an open step.
    """
    ids = sorted(group_ids)
    _add(conn, changes)
    rows = conn.execute(_READ, {"ids": ids}).all()
    reopened = [row.id for row in rows if row.is_finished and row.has_open]
    startable = {row.id for row in rows if row.has_ready and _may_start(row)}
    ready = [row.id for row in rows if row.id in startable and not row.is_ready]
    unready = [row.id for row in rows if row.is_ready and row.id not in startable]
    if reopened:
        conn.execute(_REOPEN, {"ids": reopened})
    if ready:
        conn.execute(_MARK_READY, {"ids": ready, "now": now})
    if unready:
        conn.execute(_MARK_UNREADY, {"ids": unready})
    first_failures.record(conn, rows, changes, now=now)
    finished = [
        Finished(
            row.id,
            row.generation,
            outcome_of_group(
                {state: row._mapping[state.value] for state in StepState},
                cancelled=row.is_cancelled,
            ),
        )
        for row in rows
        if row.is_sealed and not row.is_finished and not row.has_open and row.id not in unfinished
    ]
    if finished:
        values: dict[str, Any] = {
            "ids": [each.group_id for each in finished],
            "outcomes": [each.outcome.value for each in finished],
            "now": now,
        }
        if conn.execute(_FINISH, values).scalar_one():
            group_events.record_finished(conn, group_ids=values["ids"], now=now)
        ended = {each.group_id for each in finished}
        schedules = {row.scheduled_job_id for row in rows if row.id in ended} - {None}
        if schedules:
            scheduler_hint.send_if_overdue(conn, schedule_ids=sorted(schedules), now=now)
    return finished


def _may_start(group: Any) -> bool:
    """Return whether pending steps of the group may start.

    A finished group has a pending step only if a retry reopened the step. The retry also ends an
    earlier cancel of the group, so the step may start.
    """
    return not group.is_paused and (not group.is_cancelled or group.is_finished)


def _add(conn: Connection, changes: Iterable[StepChange]) -> None:
    added: defaultdict[int, Counter[StepState]] = defaultdict(Counter)
    for change in changes:
        added[change.group_id][change.before] -= 1
        added[change.group_id][change.after] += 1
    rows = [_row(group_id, counts) for group_id, counts in added.items() if any(counts.values())]
    if rows:
        values = {"ids": [row["id"] for row in rows], "changes": json.dumps(rows)}
        conn.execute(_ADD, values)


def _row(group_id: int, counts: Mapping[StepState, int]) -> dict[str, int]:
    return {"id": group_id, **{state.value: counts.get(state, 0) for state in StepState}}
