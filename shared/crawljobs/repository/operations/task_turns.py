"""Give the turn to run a periodic task to one process at a time, at most once in each interval."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, or_, update
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db import tables
from crawljobs.repository.sql import NOW, inline_interval, interval

_runs = tables.maintenance_runs
_run = _runs.c

_TAKE_TURN = (
    insert(_runs)
    .values(task=bindparam("task"), last_run_at=NOW + interval("hold"))
    .on_conflict_do_update(
        index_elements=[_run.task],
        set_={"last_run_at": insert(_runs).excluded.last_run_at},
        where=or_(
            _run.last_run_at <= NOW - interval("every"),
            # The process that takes a turn sets last_run_at to the latest end of its turn, which is
            # `hold` in the future. A later last_run_at was written before the database's clock was
            # set back, so the process may take a turn nevertheless. Without the margin of 1 minute,
            # a small correction of the clock would let another process take the turn early.
            _run.last_run_at > NOW + interval("hold") + inline_interval("1 minute"),
        ),
    )
    .returning(_run.task)
)

_END_TURN = (
    update(_runs).where(_run.task == bindparam("ended")).values(last_run_at=NOW + interval("pause"))
)


def take_turn(
    conn: Connection,
    *,
    task: str,
    every: timedelta,
    hold: timedelta = timedelta(0),
    now: datetime | None = None,
) -> bool:
    """Take the turn to run `task`, and return whether the caller has the turn.

    The caller gets the turn if no process has the turn, and if the interval `every` has passed
    since the previous turn ended. A turn ends when its process calls `end_turn`, and at the latest
    when it has lasted for `hold`.
    """
    values = {"task": task, "every": every, "hold": hold, "now": now}
    return conn.execute(_TAKE_TURN, values).first() is not None


def end_turn(
    conn: Connection,
    *,
    task: str,
    pause: timedelta = timedelta(0),
    now: datetime | None = None,
) -> None:
    """End the caller's turn. The next turn can start after the interval `every` of take_turn.

    `pause` lengthens this interval. `pause` must not be longer than `hold` of take_turn.
    """
    conn.execute(_END_TURN, {"ended": task, "pause": pause, "now": now})
