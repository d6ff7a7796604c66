"""Build the deliverer from the settings."""

from __future__ import annotations

import ssl

import certifi

from crawljobs.db.database import Database
from crawljobs.runtime.outbound.exchange import Sender
from crawljobs.runtime.outbound.guard import Guard
from crawljobs.settings import (
    ConnectionSettings,
    DatabaseSettings,
    OutboundSettings,
    WebhookSettings,
)
from crawljobs.settings.certificates import BROWSERS_TRUST, Trust
from scheduler.webhooks.deliverer import Deliverer

# The maximum number of database connections. The loop of the deliverer uses one of them. The sender
# threads use the others when they record results.
POOL_SIZE = 3


def build(
    address: DatabaseSettings,
    *,
    application_name: str,
    webhooks: WebhookSettings,
    outbound: OutboundSettings,
    connections: ConnectionSettings,
) -> Deliverer | None:
    """Return the deliverer, with its own connection pool. None: no master key is set."""
    if not webhooks.enabled:
        return None
    database = Database(
        address.url,
        pool_size=POOL_SIZE,
        application_name=application_name,
        pooled=address.pooled,
    )
    sender = Sender(Guard(outbound), trusting(connections.trust), connections)
    return Deliverer(database, sender=sender, chosen=webhooks)


def trusting(trust: Trust) -> ssl.SSLContext:
    """Return the TLS context for receivers. Raises OSError if the certificates cannot be read."""
    file = trust.file if trust != BROWSERS_TRUST else certifi.where()
    context = ssl.create_default_context(cafile=file, capath=trust.folder)
    context.set_alpn_protocols(["http/1.1"])
    return context
