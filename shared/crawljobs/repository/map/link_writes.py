"""Store the strongest links of a subreddit in place of its former links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Connection,
    Double,
    and_,
    bindparam,
    delete,
    func,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import subreddit_links
from crawljobs.domain.map_links import Link
from crawljobs.repository.sql import NOW, ids, unnested

_link = subreddit_links.c
_of = bindparam("of", type_=BigInteger)
_others = ids("others")

# The statements lock links in the order of their keys. So two processes that compute the links of
# two neighbours cannot deadlock.
_FORMER = (
    select(subreddit_links)
    .where(
        or_(
            and_(_link.a_id == _of, or_(_link.is_top_of_a, _link.b_id == func.any(_others))),
            and_(_link.b_id == _of, or_(_link.is_top_of_b, _link.a_id == func.any(_others))),
        )
    )
    .order_by(_link.a_id, _link.b_id)
    .with_for_update()
)

_keys = unnested("key", a_id=ids("a_ids"), b_id=ids("b_ids"))
_HAS_KEY = tuple_(_link.a_id, _link.b_id).in_(select(_keys.c.a_id, _keys.c.b_id))
_DELETE = delete(subreddit_links).where(_HAS_KEY)
_RELEASE = (
    update(subreddit_links)
    .where(_HAS_KEY)
    .values(is_top_of_a=_link.a_id != _of, is_top_of_b=_link.b_id != _of)
)

_row = unnested(
    "new",
    a_id=ids("a_ids"),
    b_id=ids("b_ids"),
    shared_authors=ids("shared_authors"),
    weight=bindparam("weights", type_=ARRAY(Double)),
    is_top_of_a=bindparam("top_of_a", type_=ARRAY(Boolean)),
)
_new = insert(subreddit_links)
_STORE = _new.from_select(
    ["a_id", "b_id", "shared_authors", "weight", "is_top_of_a", "is_top_of_b", "computed_at"],
    select(
        _row.c.a_id,
        _row.c.b_id,
        _row.c.shared_authors,
        _row.c.weight,
        _row.c.is_top_of_a,
        not_(_row.c.is_top_of_a),
        NOW,
    ).order_by(_row.c.a_id, _row.c.b_id),
).on_conflict_do_update(
    index_elements=[_link.a_id, _link.b_id],
    set_={
        "shared_authors": _new.excluded.shared_authors,
        "weight": _new.excluded.weight,
        "is_top_of_a": or_(_link.is_top_of_a, _new.excluded.is_top_of_a),
        "is_top_of_b": or_(_link.is_top_of_b, _new.excluded.is_top_of_b),
        "computed_at": _new.excluded.computed_at,
    },
)


@dataclass(frozen=True, slots=True)
class _Row:
    """The values of a link to store.

    The link is a top link of `a_id` if `is_top_of_a` is true, and of `b_id` if it is false.
    """

    a_id: int
    b_id: int
    shared_authors: int
    weight: float
    is_top_of_a: bool


def replace(
    conn: Connection, *, subreddit_id: int, links: Sequence[Link], now: datetime | None = None
) -> None:
    """Make `links` the strongest links of the subreddit.

    Deletes former links that `links` does not contain. The only exceptions are links that are among
    the strongest links of the other subreddit.
    """
    others = [link.other for link in links]
    rows = conn.execute(_FORMER, {"of": subreddit_id, "others": others}).mappings()
    former = {_other(row, subreddit_id): row for row in rows}
    released: list[tuple[int, int]] = []
    deleted: list[tuple[int, int]] = []
    for other, row in former.items():
        if other not in others:
            is_top_of_other = row["is_top_of_a"] and row["is_top_of_b"]
            (released if is_top_of_other else deleted).append((row["a_id"], row["b_id"]))
    _change(conn, _RELEASE, released, of=subreddit_id)
    _change(conn, _DELETE, deleted)
    new = [_to_store(link, subreddit_id, former.get(link.other)) for link in links]
    if new:
        conn.execute(
            _STORE,
            {
                "a_ids": [row.a_id for row in new],
                "b_ids": [row.b_id for row in new],
                "shared_authors": [row.shared_authors for row in new],
                "weights": [row.weight for row in new],
                "top_of_a": [row.is_top_of_a for row in new],
                "now": now,
            },
        )


def _change(conn: Connection, statement: Any, keys: list[tuple[int, int]], **values: Any) -> None:
    if keys:
        a_ids, b_ids = ([key[place] for key in keys] for place in (0, 1))
        conn.execute(statement, {"a_ids": a_ids, "b_ids": b_ids, **values})


def _to_store(link: Link, subreddit_id: int, former: Any) -> _Row:
    """Return the values to store for a link of the subreddit.

    The stored numbers stay if the other subreddit has computed them from a better sample. So the
    stored numbers do not depend on the order in which links are computed.
    """
    a_id, b_id = sorted((subreddit_id, link.other))
    is_top_of_a = a_id == subreddit_id
    shared_authors, weight = link.shared_authors, link.weight
    if former is not None and not link.is_exact:
        is_top_of_other = former["is_top_of_b" if is_top_of_a else "is_top_of_a"]
        if is_top_of_other:
            shared_authors, weight = former["shared_authors"], former["weight"]
    return _Row(a_id, b_id, shared_authors, weight, is_top_of_a)


def _other(row: Any, subreddit_id: int) -> int:
    return int(row["b_id"] if row["a_id"] == subreddit_id else row["a_id"])
