"""Limit discovery: the number of its live jobs, and the number of requests for each root.

Discovery is the search for related subreddits. The root is the subreddit that a user or a schedule
requested and from which the search began. All requests of the search are charged to the root.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Integer,
    SmallInteger,
    and_,
    bindparam,
    case,
    collate,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import crawl_jobs, discovery_roots, subreddits
from crawljobs.domain import discovery_rules as rules
from crawljobs.domain.job import LIVE, JobSource
from crawljobs.domain.subreddit import AccessState
from crawljobs.domain.webhook import EventType
from crawljobs.repository.sql import (
    CLOCK,
    NOW,
    ONE_ROW,
    inline,
    inline_number,
    interval,
    one_of,
    texts,
    unnested,
)
from crawljobs.repository.webhooks.events import access_events
from crawljobs.repository.webhooks.events.event_interest import wanted

_LIVE_JOBS = select(func.count()).where(
    crawl_jobs.c.source == inline(JobSource.DISCOVERY), one_of(crawl_jobs.c.status, LIVE)
)

# Without this lock, two crawls that end at the same time could both enqueue the last allowed job.
_TAKE_TURN = select(func.pg_advisory_xact_lock(func.hashtext(inline("crawljobs discovery"))))

_subreddit = subreddits.c
_missing = unnested("missing", name=texts("names"))
_found = insert(subreddits).excluded
_MISSING = (
    insert(subreddits)
    .from_select(
        ["name", "access", "access_checked_at", "discovered_from", "depth"],
        select(
            _missing.c.name,
            inline(AccessState.NOT_FOUND),
            NOW,
            bindparam("discovered_from", type_=BigInteger),
            bindparam("depth", type_=SmallInteger),
        ).order_by(collate(func.lower(_missing.c.name), "C")),
    )
    .on_conflict_do_update(
        index_elements=[func.lower(_subreddit.name)],
        set_={"access": _found.access, "access_checked_at": _found.access_checked_at},
        where=_subreddit.access == inline(AccessState.UNKNOWN),
    )
    # xmax is 0 for a new row, so only the change of an existing row has an event for webhooks.
    .returning(
        _subreddit.id,
        and_(
            literal_column("xmax <> 0", Boolean), wanted(EventType.SUBREDDIT_ACCESS_CHANGED)
        ).label("has_event"),
    )
)

# Goes from the crawled subreddit along `discovered_from` to the root of this discovery. The number
# of steps is the crawl's depth. A further step would be wrong: if the root itself has a
# `discovered_from`, this value belongs to an earlier discovery with another root.
_back = (
    select(
        _subreddit.id,
        _subreddit.discovered_from,
        bindparam("depth", type_=Integer).label("steps"),
    )
    .where(_subreddit.id == bindparam("subreddit_id"))
    .cte("back", recursive=True)
)
_parent = subreddits.alias("parent")
_back = _back.union_all(
    select(_parent.c.id, _parent.c.discovered_from, _back.c.steps - 1)
    .join_from(_back, _parent, _parent.c.id == _back.c.discovered_from)
    .where(_back.c.steps > inline_number(0))
)
_ROOT = select(_back.c.id).order_by(_back.c.steps).limit(ONE_ROW)

_root = discovery_roots.c
_new = insert(discovery_roots).excluded
_is_over = _root.since <= _new.since - interval("period")
_SPEND = (
    insert(discovery_roots)
    .from_select(
        ["subreddit_id", "requests", "since"],
        select(
            bindparam("root", type_=BigInteger), bindparam("requests", type_=Integer), CLOCK.c.now
        ),
    )
    .on_conflict_do_update(
        index_elements=[_root.subreddit_id],
        set_={
            "requests": case((_is_over, _new.requests), else_=_root.requests + _new.requests),
            "since": case((_is_over, _new.since), else_=_root.since),
        },
    )
    .returning(_root.requests)
)

_SPENT = select(_root.requests).where(
    _root.subreddit_id == bindparam("root"), _root.since > NOW - interval("period")
)


def record_missing(
    conn: Connection,
    *,
    names: Sequence[str],
    discovered_from: int,
    depth: int,
    now: datetime | None = None,
) -> None:
    """Record that these subreddits do not exist at Reddit, so that no crawl requests them again."""
    values = {"names": list(names), "discovered_from": discovered_from, "depth": depth, "now": now}
    rows = conn.execute(_MISSING, values).all()
    former = {int(row.id): AccessState.UNKNOWN.value for row in rows if row.has_event}
    access_events.record(conn, former=former, now=now)


def room(conn: Connection, *, at_most: int) -> int:
    """Return how many discovery jobs may be enqueued: `at_most` minus the live discovery jobs.

    The function takes a lock, so that the result stays valid until the transaction ends.
    """
    conn.execute(_TAKE_TURN)
    return max(0, at_most - live_jobs(conn))


def live_jobs(conn: Connection) -> int:
    """Return the number of live discovery jobs."""
    return int(conn.execute(_LIVE_JOBS).scalar_one())


def root_of(conn: Connection, *, subreddit_id: int, depth: int) -> int:
    """Return the id of the root, from which discovery reached this subreddit in `depth` steps."""
    values = {"subreddit_id": subreddit_id, "depth": depth}
    return int(conn.execute(_ROOT, values).scalar_one())


def spend(conn: Connection, *, root: int, requests: int, now: datetime | None = None) -> int:
    """Charge these requests to the root, and return the root's total in the current ROOT_PERIOD."""
    values = {"root": root, "requests": requests, "period": rules.ROOT_PERIOD, "now": now}
    return int(conn.execute(_SPEND, values).scalar_one())


def spent(conn: Connection, *, root: int, now: datetime | None = None) -> int:
    """Return how many requests were charged to this discovery root in the current ROOT_PERIOD."""
    values = {"root": root, "period": rules.ROOT_PERIOD, "now": now}
    return int(conn.execute(_SPENT, values).scalar() or 0)
