"""Read the links from which communities are found, and store the community of each subreddit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, bindparam, case, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import maintenance_runs, map_nodes, subreddit_links, subreddits
from crawljobs.repository.sql import (
    NOW,
    ids,
    inline,
    inline_interval,
    inline_number,
    inline_time,
    unnested,
)

TASK = "communities"  # this row of maintenance_runs has the start time of the last computation
# Limit of the rows that one call of `links_after` or `communities_after` returns.
READ_CHUNK = 10_000
WRITE_CHUNK = 1_000  # limit of the subreddits in one call of `subscribers_of` or `store`

_link, _node, _run = subreddit_links.c, map_nodes.c, maintenance_runs.c

# When communities were last computed; null: never.
COMPUTED_AT = select(_run.last_run_at).where(_run.task == inline(TASK)).scalar_subquery()
_newest_links = select(func.max(_node.links_at)).scalar_subquery()
_STATE = select(
    NOW.label("now"),
    COMPUTED_AT.label("computed_at"),
    # If COMPUTED_AT is in the future, it was stored before the database's clock was set back. Then
    # the communities are outdated.
    (
        _newest_links
        > case(
            (NOW + inline_interval("1 minute") >= COMPUTED_AT, COMPUTED_AT),
            else_=inline_time("-infinity"),
        )
    ).label("is_outdated"),
)

_LINKS = (
    select(_link.a_id, _link.b_id, _link.weight)
    .where(
        tuple_(_link.a_id, _link.b_id)
        > tuple_(bindparam("a_id", type_=BigInteger), bindparam("b_id", type_=BigInteger))
    )
    .order_by(_link.a_id, _link.b_id)
    .limit(inline_number(READ_CHUNK))
)

_COMMUNITIES = (
    select(_node.subreddit_id, _node.community_id)
    .where(_node.subreddit_id > bindparam("after", type_=BigInteger))
    .order_by(_node.subreddit_id)
    .limit(inline_number(READ_CHUNK))
)

_SUBSCRIBERS = select(subreddits.c.id, subreddits.c.subscribers).where(
    subreddits.c.id == func.any(ids("subreddit_ids"))
)

_found = unnested("found", id=ids("subreddit_ids"), community_id=ids("community_ids"))
_locked = (
    select(_node.subreddit_id, _found.c.community_id)
    .join(_found, _found.c.id == _node.subreddit_id)
    .where(_node.community_id.is_distinct_from(_found.c.community_id))
    .order_by(_node.subreddit_id)
    .with_for_update(of=map_nodes, key_share=True)
    .cte("locked")
)
_STORE = (
    update(map_nodes)
    .where(_node.subreddit_id == _locked.c.subreddit_id)
    .values(community_id=_locked.c.community_id)
)

_new = insert(maintenance_runs).values(task=inline(TASK), last_run_at=bindparam("began"))
_NOTE = _new.on_conflict_do_update(
    index_elements=[_run.task], set_={"last_run_at": _new.excluded.last_run_at}
)


@dataclass(frozen=True, slots=True)
class CommunityState:
    """The time of the last computation of communities, and whether links changed since then."""

    now: datetime
    computed_at: datetime | None
    is_outdated: bool


def state(conn: Connection, *, now: datetime | None = None) -> CommunityState:
    """Return the state of the communities, and the time of the database's clock."""
    row = conn.execute(_STATE, {"now": now}).one()
    return CommunityState(row.now, row.computed_at, bool(row.is_outdated))


def links_after(conn: Connection, *, a_id: int, b_id: int) -> list[tuple[int, int, float]]:
    """Return the links with keys after (a_id, b_id) in ascending order, at most READ_CHUNK."""
    rows = conn.execute(_LINKS, {"a_id": a_id, "b_id": b_id})
    return [(row.a_id, row.b_id, row.weight) for row in rows]


def communities_after(conn: Connection, *, after: int) -> dict[int, int | None]:
    """Return the stored communities of the subreddits with ids above `after`, by ascending id.

    Returns at most READ_CHUNK subreddits.
    """
    rows = conn.execute(_COMMUNITIES, {"after": after})
    return {row.subreddit_id: row.community_id for row in rows}


def subscribers_of(conn: Connection, *, subreddit_ids: list[int]) -> dict[int, int]:
    """Return the numbers of subscribers of these subreddits; 0 if a number is not known."""
    rows = conn.execute(_SUBSCRIBERS, {"subreddit_ids": subreddit_ids})
    return {row.id: row.subscribers or 0 for row in rows}


def store(conn: Connection, *, communities: Mapping[int, int | None]) -> int:
    """Store the communities of these subreddits. Returns the number of changed rows."""
    values = {
        "subreddit_ids": list(communities),
        "community_ids": list(communities.values()),
    }
    return conn.execute(_STORE, values).rowcount


def note_computed(conn: Connection, *, began: datetime) -> None:
    """Store that communities were computed from the links that existed at the time `began`."""
    conn.execute(_NOTE, {"began": began})
