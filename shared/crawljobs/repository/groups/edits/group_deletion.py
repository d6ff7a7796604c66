"""Delete a finished group with its steps. The jobs of the steps stay."""

from __future__ import annotations

from sqlalchemy import Connection, any_, bindparam, delete, select

from crawljobs.db.tables import group_steps, job_groups, step_waits
from crawljobs.repository.sql import ONE_ROW, array_of, inline_number

STEPS_MAX = 1_000  # limit of the steps that one transaction deletes

# The open waits for the end of this group. `_AWAITED` leaves out waits of the group's own steps: a
# step that waits for all other steps of its group has a wait for the group. If the step is
# cancelled, this wait stays open.
_waits = (
    select(step_waits.c.step_id)
    .where(step_waits.c.upstream_group_id == bindparam("group_id"), step_waits.c.ended_at.is_(None))
    .offset(inline_number(0))
    .subquery("wait")
)
_waiting = (
    select(group_steps.c.group_id)
    .where(group_steps.c.id == _waits.c.step_id)
    .limit(ONE_ROW)
    .lateral("waiting")
)
_AWAITED = (
    select(_waiting.c.group_id)
    .select_from(_waits.join(_waiting, _waiting.c.group_id != bindparam("group_id")))
    .limit(ONE_ROW)
)
_DELETE_STEPS = delete(group_steps).where(
    group_steps.c.id
    == any_(
        array_of(
            select(group_steps.c.id)
            .where(group_steps.c.group_id == bindparam("group_id"))
            .limit(inline_number(STEPS_MAX))
        )
    )
)
_DELETE = delete(job_groups).where(job_groups.c.id == bindparam("group_id"))


def is_awaited(conn: Connection, *, group_id: int) -> bool:
    """Return whether a step of another group still waits for the group.

    If so, the group must not be deleted until the resolver has stored the group's end in the wait
    of that step.
    """
    return conn.execute(_AWAITED, {"group_id": group_id}).first() is not None


def delete_group(conn: Connection, *, group_id: int) -> None:
    """Delete the group, its steps and their waits. The caller has locked the group.

    Raises IntegrityError if the group has more than STEPS_MAX steps.
    """
    conn.execute(_DELETE_STEPS, {"group_id": group_id})
    conn.execute(_DELETE, {"group_id": group_id})
