"""The body of each claimed delivery: a stored body, or a new body, which is then stored."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from crawljobs.db.database import Connection
from crawljobs.domain import webhook_body
from crawljobs.repository.webhooks import stored_bodies
from crawljobs.repository.webhooks.delivery_claim import ClaimedDelivery
from crawljobs.runtime import logs

log = logs.get_logger(__name__)


def of_deliveries(
    conn: Connection, deliveries: Sequence[ClaimedDelivery], *, public_url: str | None
) -> dict[uuid.UUID, str]:
    """Map the id of each event to its body. Each attempt of an event sends the same bytes."""
    found: dict[uuid.UUID, str] = {}
    new: dict[uuid.UUID, str] = {}
    for each in deliveries:
        if each.body is not None:
            found[each.event_id] = each.body
        elif each.event_id not in new:
            new[each.event_id] = _render(each, public_url)
    return found | stored_bodies.keep(conn, bodies=new)


def _render(delivery: ClaimedDelivery, public_url: str | None) -> str:
    try:
        return webhook_body.render(
            kind=delivery.type,
            created_at=delivery.event_at,
            data=delivery.data,
            version=delivery.version,
            public_url=public_url,
        )
    except ValueError:
        log.exception("webhook.body_too_long", event_id=str(delivery.event_id))
        return webhook_body.render(
            kind=delivery.type,
            created_at=delivery.event_at,
            data={},
            version=delivery.version,
            public_url=None,
        )
