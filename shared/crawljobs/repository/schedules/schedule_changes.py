"""Create and change schedules. Before a change, the caller locks the row with lock_schedule."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Connection,
    Double,
    bindparam,
    case,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from crawljobs import errors
from crawljobs.db.tables import scheduled_jobs, subreddits
from crawljobs.domain import schedule_edit, scheduled_step
from crawljobs.domain import subreddit as names
from crawljobs.domain.schedule import Schedule, ScheduleSpec
from crawljobs.domain.schedule_edit import Edit
from crawljobs.repository import scheduler_hint
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.schedules import (
    due_columns,
    schedule_ledger,
    schedule_reads,
)
from crawljobs.repository.sql import NOW

_schedule = scheduled_jobs.c

_CLOCK = select(NOW)

_KNOWN_SUBREDDIT = select(subreddits.c.name).where(subreddits.c.id == bindparam("id"))

_FIELDS = tuple(ScheduleSpec.__dataclass_fields__)
_SPEC: dict[str, Any] = {name: bindparam(name) for name in _FIELDS}

_INSERT = (
    insert(scheduled_jobs)
    .values(
        **_SPEC,
        runs_per_day=bindparam("runs_per_day"),
        **due_columns.written(),
        anchor_at=bindparam("now"),
        created_at=bindparam("now"),
        updated_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=[func.lower(_schedule.name)])
    .returning(_schedule.id)
)

_OF_ID = _schedule.id == bindparam("schedule_id")

_SPREAD = update(scheduled_jobs).where(_OF_ID).values(**due_columns.written())

_UPDATE = (
    update(scheduled_jobs)
    .where(_OF_ID)
    .values(
        **_SPEC,
        runs_per_day=func.coalesce(bindparam("runs_per_day", type_=Double), _schedule.runs_per_day),
        **due_columns.written(),
        anchor_at=bindparam("anchor"),
        disabled_reason=case((bindparam("keeps_reason", type_=Boolean), _schedule.disabled_reason)),
        version=_schedule.version + 1,
        updated_at=bindparam("now"),
    )
)


def clock(conn: Connection, *, now: datetime | None = None) -> datetime:
    """Return the database's current time."""
    current: datetime = conn.execute(_CLOCK, {"now": now}).scalar_one()
    return current


def subreddit_id_of(conn: Connection, *, subreddit: str | int) -> int:
    """Return the id of a subreddit that is given by name or by id.

    Inserts a subreddit with an unknown name. Raises NotFound for an unknown id. Raises
    InvalidSubredditName if the given name, or the stored name of the given id, cannot be crawled.
    """
    if isinstance(subreddit, str):
        name = names.checked_name(subreddit)
        return stored_subreddits.ensure(conn, names=[name], discovered_from=None, depth=0)[
            name.lower()
        ]
    known = conn.execute(_KNOWN_SUBREDDIT, {"id": subreddit}).first()
    if known is None:
        raise errors.NotFound(f"there is no subreddit {subreddit}")
    names.checked_name(known.name)
    return subreddit


def create_schedule(
    conn: Connection, *, order: ScheduleSpec, now: datetime | None = None
) -> Schedule:
    """Create a schedule and return it. The schedule first fires at its next due time.

    Raises InvalidCron or DuplicateName. Two names that differ only in case are equal.
    """
    at = clock(conn, now=now)
    # With `spread_seconds`, each due time is moved by an offset that depends on the schedule's id.
    # The id is known only after the insert, so the first due time is computed again.
    made = schedule_edit.first(order, schedule_id=0, now=at)
    schedule_id = conn.execute(_INSERT, {**_values(made), "now": at}).scalar()
    if schedule_id is None:
        raise _duplicate(order.name)
    if order.spread_seconds and order.enabled:
        spread = schedule_edit.first(order, schedule_id=schedule_id, now=at)
        values = {"due_at": spread.next_run_at, "has_steps": order.steps is not None}
        conn.execute(_SPREAD, {"schedule_id": schedule_id, **values})
    return _hinted(conn, schedule_id, now=now)


def change_schedule(
    conn: Connection, *, before: Schedule, order: ScheduleSpec, now: datetime | None = None
) -> Schedule:
    """Give the locked schedule the values of `order`, and return the schedule.

    Writes nothing if `order` means the same as the stored schedule. Records due times as missed if
    they passed before the change and cannot fire after it. Raises InvalidCron or DuplicateName.
    """
    if order == before.spec():
        return before
    at = clock(conn, now=now)
    edit = schedule_edit.edited(before, order, now=at)
    if edit.spec == before.spec():
        return before
    schedule_ledger.give_up(conn, schedule_id=before.id, ticks=edit.given_up, now=at)
    values = {
        "schedule_id": before.id,
        "now": at,
        "anchor": edit.anchor,
        "keeps_reason": not edit.mends,
    }
    try:
        with conn.begin_nested():
            conn.execute(_UPDATE, {**_values(edit), **values})
    except IntegrityError as error:
        if "scheduled_jobs_name_key" in str(error.orig):
            raise _duplicate(order.name) from None
        raise
    return _hinted(conn, before.id, now=now)


def _hinted(conn: Connection, schedule_id: int, *, now: datetime | None) -> Schedule:
    """Return the stored schedule.

    If it is enabled, and due before all other schedules, notify the scheduler.
    """
    written = schedule_reads.get_schedule(conn, schedule_id=schedule_id)
    if written is None:
        raise AssertionError("the row is locked by this transaction")
    if written.enabled:
        scheduler_hint.send_if_first(conn, due_at=written.next_run_at, now=now)
    return written


def _values(edit: Edit) -> dict[str, Any]:
    spec = edit.spec
    return {
        **{name: getattr(spec, name) for name in _FIELDS},
        "steps": None if spec.steps is None else scheduled_step.to_json(spec.steps),
        "has_steps": spec.steps is not None,
        "due_at": edit.next_run_at,
        "runs_per_day": edit.runs_per_day,
    }


def _duplicate(name: str) -> errors.DuplicateName:
    return errors.DuplicateName(f"a schedule named {name[:60]!r} already exists")
