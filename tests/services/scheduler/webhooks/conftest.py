"""Fixtures of a receiver, and of a deliverer in a thread of the test."""

from collections.abc import Callable, Iterator

import pytest

from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.runtime.outbound.exchange import Sender
from crawljobs.runtime.outbound.guard import Guard
from scheduler.webhooks.deliverer import Deliverer
from support import webhook_receiver
from support.plain_http import NO_CERTIFICATES
from support.webhook_receiver import Receiver
from support.webhook_rows import VARIABLES

Deliver = Callable[..., Deliverer]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver.receiving() as running:
        yield running


@pytest.fixture
def deliver(database: Database, receiver: Receiver) -> Iterator[Deliver]:
    """Yield a function that starts a deliverer. All are stopped at the end."""
    started: list[Deliverer] = []

    def start(own: Database = database, **variables: str) -> Deliverer:
        given = {**VARIABLES, **variables}
        guard = Guard(settings.read_outbound_settings(given))
        deliverer = Deliverer(
            own,
            sender=Sender(guard, NO_CERTIFICATES),
            chosen=settings.read_webhook_settings(given),
        )
        deliverer.start()
        started.append(deliverer)
        return deliverer

    yield start
    receiver.closing.set()
    for deliverer in started:
        deliverer.stop()
    assert all(deliverer.drain(10) for deliverer in started)
