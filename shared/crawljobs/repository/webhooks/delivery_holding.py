"""Adapt open deliveries to the state of their endpoint: hold, release or drop them.

A change of an endpoint does not change its deliveries, which may be many. `settle` changes the
deliveries in chunks. The deliverer calls `settle` periodically, and a request that changes an
endpoint calls it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    any_,
    bindparam,
    exists,
    not_,
    null,
    or_,
    select,
    true,
    tuple_,
    update,
)

from crawljobs.db.tables import webhook_deliveries, webhook_endpoints
from crawljobs.domain.webhook import OPEN_DELIVERIES, DeliveryKind, DeliveryState, EndpointState
from crawljobs.repository.sql import NOW, ids, inline, one_of
from crawljobs.repository.webhooks import delivery_ranges
from crawljobs.repository.webhooks.replays.replay_pacing import REPLAY

CHUNK = 500  # limit of the deliveries of one endpoint that one call changes

_delivery = webhook_deliveries.c


def _open_pairs() -> Any:
    """Return the statement that reads each endpoint id with the states of its open deliveries.

    It reads a few index entries for each pair of id and state, and not all open deliveries. The
    column `wanted` is the endpoint's own state, or null if the endpoint was deleted.
    """
    each = webhook_deliveries.alias("each")
    ordered = (
        select(each.c.endpoint_id, each.c.state).order_by(each.c.endpoint_id, each.c.state).limit(1)
    )
    pair = ordered.cte("pair", recursive=True)
    following = (
        ordered.where(
            tuple_(each.c.endpoint_id, each.c.state) > tuple_(pair.c.endpoint_id, pair.c.state)
        )
        .lateral("following")
        .alias("following")
    )
    pairs = pair.union_all(
        select(following.c.endpoint_id, following.c.state).select_from(pair.join(following, true()))
    )
    return (
        select(pairs.c.endpoint_id, pairs.c.state, webhook_endpoints.c.state.label("wanted"))
        .select_from(
            pairs.outerjoin(webhook_endpoints, webhook_endpoints.c.id == pairs.c.endpoint_id)
        )
        .where(one_of(pairs.c.state, OPEN_DELIVERIES))
    )


OPEN_PAIRS = _open_pairs()


_HAS_ENDPOINT = exists().where(webhook_endpoints.c.id == bindparam("of_endpoint"))


def _free(state: DeliveryState) -> Any:
    """Return the statement that locks the endpoint's oldest unclaimed deliveries in this state."""
    chosen = webhook_deliveries.alias("chosen")
    free = select(chosen.c.id).where(
        # A delivery with a running attempt is left out. A later call changes it, after the
        # attempt's result was recorded.
        or_(chosen.c.lease_until.is_(None), chosen.c.lease_until <= NOW),
        # A ping of an existing endpoint is never held, because its only attempt follows at once. A
        # ping of a deleted endpoint is dropped, because no claim finds it.
        or_(chosen.c.kind != inline(DeliveryKind.PING), not_(_HAS_ENDPOINT)),
    )
    ordered = delivery_ranges.oldest_first(free, chosen, state)
    return ordered.limit(bindparam("at_most")).with_for_update(skip_locked=True)


FREE = {state: _free(state) for state in sorted(OPEN_DELIVERIES)}


def _change(values: Mapping[str, Any]) -> Any:
    """Return the statement that sets `values` in the deliveries with the ids in `:ids`."""
    return update(webhook_deliveries).where(_delivery.id == any_(ids("ids"))).values(**values)


_NO_CLAIM: dict[str, Any] = {"lease_until": null(), "claim_token": null()}
_DROPPED = {"state": inline(DeliveryState.DROPPED), "ended_at": NOW, **_NO_CLAIM}

# Maps the state of a delivery and the state of its endpoint to the statement that changes the
# delivery. A deleted endpoint has the state None. Other pairs of states need no change.
CHANGES: Mapping[tuple[DeliveryState, EndpointState | None], Any] = {
    (DeliveryState.PENDING, None): _change(_DROPPED),
    (DeliveryState.HELD, None): _change(_DROPPED),
    (DeliveryState.PENDING, EndpointState.DISABLED): _change(
        {"state": inline(DeliveryState.HELD), **_NO_CLAIM}
    ),
    (DeliveryState.HELD, EndpointState.ENABLED): REPLAY,
}


@dataclass(frozen=True)
class Settled:
    """How many deliveries one call changed. `more`: true if other deliveries may need a change."""

    held: int = 0
    released: int = 0
    dropped: int = 0
    more: bool = False


def settle(conn: Connection, *, at_most: int = CHUNK, now: datetime | None = None) -> Settled:
    """Hold, release or drop at most `at_most` deliveries of each endpoint and state.

    - Deliveries of a disabled endpoint are held.
    - Deliveries of an endpoint that is enabled again become pending, with first attempts 0.1 s
      apart.
    - Deliveries of a deleted endpoint are dropped.

    Skips deliveries that another transaction has locked.
    """
    changed = dict.fromkeys(DeliveryState, 0)
    more = False
    for pair in conn.execute(OPEN_PAIRS).all():
        wanted = None if pair.wanted is None else EndpointState(pair.wanted)
        statement = CHANGES.get((DeliveryState(pair.state), wanted))
        if statement is None:
            continue
        values = {"of_endpoint": pair.endpoint_id, "at_most": at_most, "now": now}
        found = [*conn.execute(FREE[DeliveryState(pair.state)], values).scalars()]
        if found:
            conn.execute(statement, {"of_endpoint": pair.endpoint_id, "ids": found, "now": now})
        more = more or len(found) == at_most
        changed[_after(wanted)] += len(found)
    return Settled(
        held=changed[DeliveryState.HELD],
        released=changed[DeliveryState.PENDING],
        dropped=changed[DeliveryState.DROPPED],
        more=more,
    )


def _after(wanted: EndpointState | None) -> DeliveryState:
    """Return the new state of an open delivery.

    `wanted` is the state of its endpoint, or None if the endpoint was deleted.
    """
    if wanted is None:
        return DeliveryState.DROPPED
    return DeliveryState.HELD if wanted is EndpointState.DISABLED else DeliveryState.PENDING
