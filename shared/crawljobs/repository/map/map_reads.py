"""Read a part of the map: links, and the subreddits at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, bindparam, func, select, union_all

from crawljobs.db.tables import map_nodes, subreddit_links, subreddits
from crawljobs.domain.map_links import TOP_LINKS
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.map import stored_communities
from crawljobs.repository.sql import NOW, count_up_to, ids, inline_number

# Limit of the links that one request checks against the filter, the strongest first.
WALKED_MAX = 20_000
DUE_MAX = 1_000  # the count of subreddits with due links stops at this number

_link, _node, _subreddit = subreddit_links.c, map_nodes.c, subreddits.c
_of = bindparam("of", type_=BigInteger)
_min_shared = bindparam("min_shared", type_=BigInteger)
_SHOWN = (_link.a_id, _link.b_id, _link.shared_authors, _link.weight)

_walked = (
    select(*_SHOWN)
    .order_by(_link.weight.desc())
    .limit(inline_number(WALKED_MAX))
    .subquery("walked")
)
_STRONGEST = (
    select(_walked)
    .where(_walked.c.shared_authors >= _min_shared)
    .order_by(_walked.c.weight.desc(), _walked.c.a_id, _walked.c.b_id)
    .limit(bindparam("at_most", type_=BigInteger))
)


def _strongest_of(own: Any, other: Any) -> Select[Any]:
    """Return a query for the neighbours of the subreddit `of`, by one of the two columns of links.

    `own` is the column with the id `of`. `other` is the column with the id of the neighbour.
    """
    return (
        select(other.label("id"), _link.weight)
        .where(own == _of, _link.shared_authors >= _min_shared)
        .order_by(_link.weight.desc())
        .limit(inline_number(TOP_LINKS))
    )


_neighbours = union_all(
    _strongest_of(_link.a_id, _link.b_id), _strongest_of(_link.b_id, _link.a_id)
).subquery("neighbour")
_NEIGHBOURS = (
    select(_neighbours.c.id)
    .order_by(_neighbours.c.weight.desc(), _neighbours.c.id)
    .limit(inline_number(TOP_LINKS))
)

_AMONG = (
    select(*_SHOWN)
    .where(
        _link.a_id == func.any(ids("members")),
        _link.b_id == func.any(ids("members")),
        _link.shared_authors >= _min_shared,
    )
    .order_by(_link.weight.desc(), _link.a_id, _link.b_id)
    .limit(bindparam("at_most", type_=BigInteger))
)

_community = subreddits.alias("community")
_NODES = (
    select(
        _subreddit.id,
        _subreddit.name,
        _subreddit.title,
        _subreddit.subscribers,
        _subreddit.over_18,
        _subreddit.access,
        _subreddit.last_crawled_at,
        _subreddit.next_crawl_at,
        func.coalesce(_node.author_count, inline_number(0)).label("author_count"),
        _node.community_id,
        _community.c.name.label("community_name"),
    )
    .select_from(
        subreddits.outerjoin(map_nodes, _node.subreddit_id == _subreddit.id).outerjoin(
            _community, _community.c.id == _node.community_id
        )
    )
    .where(_subreddit.id == func.any(ids("members")))
    .order_by(_subreddit.id)
)

_STATE = select(
    count_up_to(
        DUE_MAX,
        select(_node.subreddit_id).where(_node.due_at <= NOW).order_by(_node.due_at),
    )
    .scalar_subquery()
    .label("due"),
    select(func.max(_node.links_at)).scalar_subquery().label("links_at"),
    stored_communities.COMPUTED_AT.label("communities_at"),
)


@dataclass(frozen=True, slots=True)
class MapLink:
    """A link of the map. `a` and `b` are ids of subreddits, `a` the lower one."""

    a: int
    b: int
    shared_authors: int
    weight: float


@dataclass(frozen=True, slots=True)
class MapNode:
    """A subreddit of the map. `community_id` is the subreddit that gave its community the name."""

    id: int
    name: str
    title: str | None
    subscribers: int | None
    over_18: bool | None
    access: AccessState
    last_crawled_at: datetime | None
    next_crawl_at: datetime | None
    author_count: int
    community_id: int | None
    community_name: str | None


@dataclass(frozen=True, slots=True)
class MapState:
    """How current the map is.

    `due` is the number of subreddits whose links must be computed again, up to DUE_MAX.
    """

    due: int
    links_at: datetime | None
    communities_at: datetime | None


def strongest_links(conn: Connection, *, min_shared: int, limit: int) -> list[MapLink]:
    """Return the strongest links of the whole map with at least `min_shared` shared authors.

    Only the WALKED_MAX strongest links are checked.
    """
    return _links(conn.execute(_STRONGEST, {"min_shared": min_shared, "at_most": limit}))


def links_around(
    conn: Connection, *, subreddit_id: int, min_shared: int, limit: int
) -> list[MapLink]:
    """Return the strongest links among a subreddit and its TOP_LINKS strongest neighbours."""
    values = {"of": subreddit_id, "min_shared": min_shared}
    neighbours = conn.execute(_NEIGHBOURS, values).scalars()
    members = [subreddit_id, *neighbours]
    return _links(
        conn.execute(_AMONG, {"members": members, "min_shared": min_shared, "at_most": limit})
    )


def nodes(conn: Connection, *, subreddit_ids: Sequence[int]) -> list[MapNode]:
    """Return the subreddits with these ids, by id."""
    rows = conn.execute(_NODES, {"members": list(subreddit_ids)}).mappings()
    return [MapNode(**{**row, "access": AccessState(row["access"])}) for row in rows]


def state(conn: Connection, *, now: datetime | None = None) -> MapState:
    """Return how current the map is."""
    return MapState(*conn.execute(_STATE, {"now": now}).one())


def _links(rows: Any) -> list[MapLink]:
    return [MapLink(row.a_id, row.b_id, row.shared_authors, row.weight) for row in rows]
