"""Pause and resume the whole queue or one subreddit. Paused jobs wait, and no job is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import queue_pauses, subreddits
from crawljobs.repository.queue import parked_jobs
from crawljobs.repository.queue.maintenance import pause_parking
from crawljobs.repository.queue.queue_sql import CHANNEL
from crawljobs.repository.sql import NOW, inline, inline_number

EVERYTHING = 0  # the scope of a pause of the whole queue; any other scope is a subreddit's id

_pause = queue_pauses.c
_new = insert(queue_pauses).excluded

_STORE = (
    insert(queue_pauses)
    .values(
        scope=bindparam("scope"),
        reason=bindparam("reason"),
        until=bindparam("until"),
        paused_by=bindparam("paused_by"),
        paused_at=NOW,
    )
    .on_conflict_do_update(
        index_elements=[_pause.scope],
        set_={name: _new[name] for name in ("reason", "until", "paused_by", "paused_at")},
    )
)

_RESUME = delete(queue_pauses).where(_pause.scope == bindparam("scope"))

_NOTIFY = select(func.pg_notify(inline(CHANNEL), inline("")))

_IN_FORCE = or_(_pause.until.is_(None), _pause.until > NOW)

_PAUSES = select(
    _pause.scope,
    subreddits.c.name.label("subreddit"),
    _pause.reason,
    _pause.until,
    _pause.paused_by,
    _pause.paused_at,
).select_from(queue_pauses.outerjoin(subreddits, subreddits.c.id == _pause.scope))

_LOCK_ANY = _PAUSES.where(_pause.scope == bindparam("scope")).with_for_update(of=queue_pauses)
_LOCK_IN_FORCE = _LOCK_ANY.where(_IN_FORCE)

_IS_PAUSED = select(
    exists().where(
        _pause.scope.in_([inline_number(EVERYTHING), bindparam("subreddit_id")]), _IN_FORCE
    )
)

_READ = _PAUSES.where(_pause.scope == bindparam("scope"), _IN_FORCE)
_LIST = _PAUSES.where(_IN_FORCE).order_by(_pause.scope).limit(bindparam("limit"))


@dataclass(frozen=True)
class Pause:
    """A pause of one subreddit, or of the whole queue if `subreddit` is None.

    If `until` is None, the pause lasts until an operator ends the pause.
    """

    scope: int
    subreddit: str | None
    reason: str
    until: datetime | None
    paused_by: str
    paused_at: datetime


def pause(
    conn: Connection,
    *,
    scope: int,
    reason: str,
    paused_by: str,
    until: datetime | None = None,
    now: datetime | None = None,
) -> None:
    """Stop new crawls of the subreddit with the id `scope`, or all new crawls for EVERYTHING.

    Running crawls continue. Replaces an older pause with the same scope.
    """
    conn.execute(
        _STORE,
        {"scope": scope, "reason": reason, "until": until, "paused_by": paused_by, "now": now},
    )
    if scope == EVERYTHING:  # the jobs stay queued, because each claim checks this pause
        return
    # Parks only the job of this subreddit. park_paused_jobs would also park the jobs of other
    # subreddits, and delete pauses that are over.
    pause_parking.park_job_of(conn, subreddit_id=scope, now=now)
    parked_jobs.settle_job_of(conn, subreddit_id=scope, now=now)


def resume(conn: Connection, *, scope: int, now: datetime | None = None) -> bool:
    """Delete the pause. After a pause of one subreddit, free its job or park it for another cause.

    Returns false if there was no pause.
    """
    ended = conn.execute(_RESUME, {"scope": scope}).rowcount == 1
    if ended and scope != EVERYTHING:
        parked_jobs.settle_job_of(conn, subreddit_id=scope, now=now)
    if ended:
        conn.execute(_NOTIFY)
    return ended


def get_pause(
    conn: Connection, *, scope: int, ended_too: bool = False, now: datetime | None = None
) -> Pause | None:
    """Lock the pause of this scope until the transaction ends, and return it.

    Returns None if no pause is in force. With `ended_too`, the function also returns a pause that
    is over.
    """
    statement = _LOCK_ANY if ended_too else _LOCK_IN_FORCE
    row = conn.execute(statement, {"scope": scope, "now": now}).first()
    return None if row is None else Pause(**row._mapping)


def read_pause(conn: Connection, *, scope: int, now: datetime | None = None) -> Pause | None:
    """Return the pause of this scope without a lock, or None if no pause is in force."""
    row = conn.execute(_READ, {"scope": scope, "now": now}).first()
    return None if row is None else Pause(**row._mapping)


def is_paused(conn: Connection, *, subreddit_id: int, now: datetime | None = None) -> bool:
    """Return whether a pause of this subreddit or of the whole queue is in force."""
    values = {"subreddit_id": subreddit_id, "now": now}
    return bool(conn.execute(_IS_PAUSED, values).scalar_one())


def list_pauses(conn: Connection, *, limit: int = 500, now: datetime | None = None) -> list[Pause]:
    """Return at most `limit` pauses in force, the pause of the whole queue first."""
    rows = conn.execute(_LIST, {"limit": limit, "now": now})
    return [Pause(**row._mapping) for row in rows]
