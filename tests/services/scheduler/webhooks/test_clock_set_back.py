"""The deliverer itself repairs times from before the database's clock was set back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from crawljobs.db.database import Database
from crawljobs.repository.webhooks import event_expansion
from support import webhook_rows
from support.webhook_receiver import Receiver

Deliver = Callable[..., Any]


def test_deliveries_of_the_future_are_sent(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    future = datetime.now(UTC) + timedelta(days=1)
    with database.begin() as conn:
        webhook_rows.add_endpoint(conn, f"{receiver.url}/ok", created_at=future)
        webhook_rows.add_events(conn, 2, created_at=future)
        event_expansion.expand(conn, now=future)
    deliver()
    assert len(receiver.wait_for(2)) == 2
