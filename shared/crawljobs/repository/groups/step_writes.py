"""Write the new states of steps and waits. Record each changed step for which other steps wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.group import StepEnd, StepState
from crawljobs.repository.queue.queue_sql import CLOCK


@dataclass(frozen=True)
class StepChange:
    """A new state of a step. `job_id` is the job that the step follows in this state, or None."""

    step_id: int
    group_id: int
    before: StepState
    after: StepState
    reason: str | None = None
    job_id: int | None = None
    follows_rerun: bool = False
    skipped_for_upstream: bool = False


@dataclass(frozen=True)
class WaitChange:
    """A changed wait. `end` is the end of the upstream, or None if the wait is open again.

    `was_ended` is true if the wait had an end before the change.
    """

    wait_id: int
    step_id: int
    was_ended: bool
    end: StepEnd | None


_CHANGE_STEPS = text(f"""
    UPDATE group_steps AS step SET
        state = new.state, reason = new.reason, job_id = new.job_id,
        follows_rerun = new.follows_rerun, skipped_for_upstream = new.for_upstream,
        changed_at = {CLOCK}
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:reasons AS text[]),
        CAST(:jobs AS bigint[]), CAST(:reruns AS boolean[]), CAST(:for_upstream AS boolean[])
    ) AS new (id, state, reason, job_id, follows_rerun, for_upstream)
    WHERE step.id = new.id
    """)

# For each of these steps for which another step waits, the statement inserts a row.
_ANNOUNCE = text("""
    INSERT INTO upstream_changes (step_id)
    SELECT id FROM unnest(CAST(:ids AS bigint[])) AS changed (id)
    WHERE EXISTS (SELECT FROM step_waits WHERE upstream_step_id = changed.id)
    """)

_CHANGE_WAITS = text(f"""
    UPDATE step_waits AS wait SET
        state = new.state, reason = new.reason,
        ended_at = CASE WHEN new.state IS NOT NULL THEN {CLOCK} END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:reasons AS text[]))
        AS new (id, state, reason)
    WHERE wait.id = new.id
    """)

# Adds the difference to the stored number of open waits. A new count would read all waits of the
# step at each change.
_ADD_OPEN_WAITS = text("""
    UPDATE group_steps AS step SET waiting_for = step.waiting_for + added.waits
    FROM unnest(CAST(:ids AS bigint[]), CAST(:added AS integer[])) AS added (id, waits)
    WHERE step.id = added.id
    """)

_RECOUNT = text("""
    UPDATE group_steps AS step SET waiting_for = (
        SELECT count(*) FROM step_waits WHERE step_id = step.id AND ended_at IS NULL
    )
    WHERE id = ANY (CAST(:ids AS bigint[]))
    """)


def change_steps(
    conn: Connection,
    changes: Sequence[StepChange],
    *,
    announced: bool = True,
    now: datetime | None = None,
) -> None:
    """Write the changes. The caller has locked the groups of the steps.

    If `announced` is true, the resolver later updates the waits for these steps. If it is false,
    the caller must update these waits in the same transaction, or call `announce`.
    """
    if not changes:
        return
    values = {
        "ids": [each.step_id for each in changes],
        "states": [each.after.value for each in changes],
        "reasons": [each.reason for each in changes],
        "jobs": [each.job_id for each in changes],
        "reruns": [each.follows_rerun for each in changes],
        "for_upstream": [each.skipped_for_upstream for each in changes],
        "now": now,
    }
    conn.execute(_CHANGE_STEPS, values)
    if announced:
        announce(conn, changes)


def announce(conn: Connection, changes: Sequence[StepChange]) -> None:
    """Record each changed step that is an upstream. The resolver updates the waiting steps."""
    if changes:
        conn.execute(_ANNOUNCE, {"ids": [each.step_id for each in changes]})


def change_waits(
    conn: Connection, changes: Sequence[WaitChange], *, now: datetime | None = None
) -> None:
    """End or reopen waits, and update the number of open waits of each waiting step.

    The caller has read the waits after it locked their groups.
    """
    if not changes:
        return
    values = {
        "ids": [each.wait_id for each in changes],
        "states": [each.end and each.end.state.value for each in changes],
        "reasons": [each.end and each.end.reason for each in changes],
        "now": now,
    }
    conn.execute(_CHANGE_WAITS, values)
    added = Counter[int]()
    for each in changes:
        added[each.step_id] += (each.end is None) - (not each.was_ended)
    counts = {step_id: waits for step_id, waits in added.items() if waits}
    if counts:
        conn.execute(_ADD_OPEN_WAITS, {"ids": [*counts], "added": [*counts.values()]})


def recount(conn: Connection, step_ids: Iterable[int]) -> None:
    """Count the open waits of these steps, and store the numbers in the rows of the steps."""
    conn.execute(_RECOUNT, {"ids": sorted(step_ids)})
