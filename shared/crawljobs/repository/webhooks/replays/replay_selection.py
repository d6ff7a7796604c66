"""Choose ended deliveries of an endpoint for a replay, by the times of their events.

Each statement reads a limited range of the index (endpoint_id, state, id). The ids of deliveries
are nearly in the order of the events. So the count begins with the newest deliveries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Subquery, bindparam, func, select, union_all

from crawljobs.db.tables import webhook_deliveries, webhook_events
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.webhook import DeliveryKind, DeliveryState
from crawljobs.repository.sql import ONE_ROW, ids, inline, one_of
from crawljobs.repository.webhooks import delivery_ranges

COUNT_SCAN = 100_000  # limit of the deliveries that a count reads
# The order of ids may differ from the order of events by this time, because several schedulers
# create deliveries at the same time, and because the clock may have been set back.
MARGIN = timedelta(hours=1)
ENDED = (DeliveryState.DELIVERED, DeliveryState.DROPPED, DeliveryState.FAILED)

_delivery, _event = webhook_deliveries.c, webhook_events.c
_COLUMNS = (_delivery.id, _delivery.event_id, _delivery.kind, _delivery.created_at)
_since = bindparam("since", type_=Timestamp)
_until = bindparam("until", type_=BigInteger)
_after = bindparam("after", type_=BigInteger)
_at_most = bindparam("at_most", type_=BigInteger)


@dataclass(frozen=True)
class Selected:
    """The number of deliveries to replay. `more`: there may be more, because the count is limited.

    `newest_id` is the id of the newest ended delivery, or 0.
    """

    deliveries: int
    more: bool
    newest_id: int


@dataclass(frozen=True)
class Walked:
    """The deliveries that one walk selected for a replay. The next walk starts after `position`.

    `more` is true if further deliveries may follow.
    """

    ids: list[int]
    position: int
    more: bool


def states(*, only_failed: bool) -> tuple[DeliveryState, ...]:
    """Return the states of the deliveries that are replayed."""
    return (DeliveryState.FAILED,) if only_failed else ENDED


def _merged(of_state: Callable[[DeliveryState], Select[Any]], *, only_failed: bool) -> Subquery:
    found = [of_state(state).subquery() for state in states(only_failed=only_failed)]
    return union_all(*(select(each) for each in found)).subquery("merged")


def _newest(state: DeliveryState) -> Select[Any]:
    chosen = delivery_ranges.newest_first(select(*_COLUMNS), webhook_deliveries, state)
    return chosen.limit(_at_most)


def _next(state: DeliveryState) -> Select[Any]:
    chosen = delivery_ranges.oldest_first(
        select(*_COLUMNS), webhook_deliveries, state, after=_after
    )
    return chosen.where(_delivery.id <= _until).limit(_at_most)


def _is_wanted(walked: Subquery) -> Any:
    """Return whether the delivery is no ping, and its event was created at :since or later."""
    # LIMIT makes Postgres look up each event in the primary key, instead of a larger join.
    at = select(_event.created_at).where(_event.id == walked.c.event_id).limit(ONE_ROW)
    return (at.scalar_subquery() >= _since) & (walked.c.kind != inline(DeliveryKind.PING))


@cache
def count_statement(*, only_failed: bool) -> Select[Any]:
    """Return the statement that counts, among the newest :at_most deliveries, those to replay."""
    merged = _merged(_newest, only_failed=only_failed)
    walked = select(merged).order_by(merged.c.id.desc()).limit(_at_most).subquery("walked")
    return select(
        func.count().filter(_is_wanted(walked)).label("deliveries"),
        func.count().label("walked"),
        func.min(walked.c.created_at).label("oldest_at"),
        func.coalesce(func.max(walked.c.id), 0).label("newest_id"),
    )


@cache
def newest_statement(*, only_failed: bool) -> Select[Any]:
    """Return the statement that reads the ids of :chosen deliveries to replay, the newest first.

    It reads at most :at_most deliveries, like the statement that counts them.
    """
    merged = _merged(_newest, only_failed=only_failed)
    walked = select(merged).order_by(merged.c.id.desc()).limit(_at_most).subquery("walked")
    wanted = select(walked.c.id).where(_is_wanted(walked)).order_by(walked.c.id.desc())
    return wanted.limit(bindparam("chosen", type_=BigInteger))


@cache
def walk_statement(*, only_failed: bool) -> Select[Any]:
    """Return the statement that walks the next :at_most deliveries after :after, by their ids."""
    merged = _merged(_next, only_failed=only_failed)
    walked = select(merged).order_by(merged.c.id).limit(_at_most).subquery("walked")
    return select(walked.c.id, _is_wanted(walked).label("is_wanted")).order_by(walked.c.id)


@cache
def lock_statement(*, only_failed: bool) -> Select[Any]:
    """Return the statement that locks those deliveries with :ids that must still be replayed."""
    return (
        select(_delivery.id)
        .where(
            _delivery.id == func.any(ids("ids")),
            one_of(_delivery.state, states(only_failed=only_failed)),
        )
        .order_by(_delivery.id)
        .with_for_update(key_share=True, skip_locked=True)
    )


def count(
    conn: Connection,
    *,
    endpoint_id: int,
    since: datetime,
    only_failed: bool,
    scan: int = COUNT_SCAN,
) -> Selected:
    """Count the endpoint's deliveries of events since `since` that a replay would send.

    Reads at most `scan` deliveries, the newest first.
    """
    values = {"of_endpoint": endpoint_id, "since": since, "at_most": scan}
    row = conn.execute(count_statement(only_failed=only_failed), values).one()
    more = row.walked == scan and row.oldest_at >= since - MARGIN
    return Selected(row.deliveries, more, row.newest_id)


def newest(
    conn: Connection,
    *,
    endpoint_id: int,
    since: datetime,
    only_failed: bool,
    at_most: int,
    scan: int = COUNT_SCAN,
) -> list[int]:
    """Return the ids of the newest `at_most` deliveries that `count` counts, the oldest first."""
    values = {"of_endpoint": endpoint_id, "since": since, "at_most": scan, "chosen": at_most}
    return sorted(conn.execute(newest_statement(only_failed=only_failed), values).scalars())


def walk(
    conn: Connection,
    *,
    endpoint_id: int,
    since: datetime,
    only_failed: bool,
    after: int,
    until: int,
    at_most: int,
) -> Walked:
    """Walk the endpoint's next `at_most` deliveries with ids above `after`, up to `until`."""
    values = {
        "of_endpoint": endpoint_id,
        "since": since,
        "after": after,
        "until": until,
        "at_most": at_most,
    }
    rows = conn.execute(walk_statement(only_failed=only_failed), values).all()
    return Walked(
        [row.id for row in rows if row.is_wanted],
        rows[-1].id if rows else after,
        len(rows) == at_most,
    )
