"""Read the strongest neighbours of one subreddit in the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, bindparam, select, union_all

from crawljobs.db.tables import subreddit_links, subreddits
from crawljobs.repository.sql import inline_number

SHOWN = 20

_link = subreddit_links.c
_of = bindparam("of", type_=BigInteger)


def _strongest(own: Any, other: Any) -> Select[Any]:
    return (
        select(other.label("id"), _link.shared_authors, _link.weight)
        .where(own == _of)
        .order_by(_link.weight.desc())
        .limit(inline_number(SHOWN))
    )


_each = union_all(_strongest(_link.a_id, _link.b_id), _strongest(_link.b_id, _link.a_id)).subquery(
    "each_end"
)
_strongest_of_both = (
    select(_each)
    .order_by(_each.c.weight.desc(), _each.c.id)
    .limit(inline_number(SHOWN))
    .subquery("strongest")
)
_name = (
    select(subreddits.c.name).where(subreddits.c.id == _strongest_of_both.c.id).scalar_subquery()
)
NEIGHBOURS = select(_strongest_of_both, _name.label("name")).order_by(
    _strongest_of_both.c.weight.desc(), _strongest_of_both.c.id
)


@dataclass(frozen=True)
class Neighbour:
    """A subreddit that shares authors with the requested subreddit."""

    id: int
    name: str
    shared_authors: int
    weight: float


def neighbours_of(conn: Connection, *, subreddit_id: int) -> list[Neighbour]:
    """Return at most SHOWN neighbours, the strongest link first."""
    rows = conn.execute(NEIGHBOURS, {"of": subreddit_id})
    return [Neighbour(row.id, row.name, row.shared_authors, row.weight) for row in rows]
