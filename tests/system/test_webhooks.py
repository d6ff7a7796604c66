"""From a request to the API to the receiver: an endpoint is created, tested, and informed."""

from collections.abc import Iterator
from typing import Any

import flask.testing
import pytest
import standardwebhooks

from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.runtime.outbound.exchange import Sender
from crawljobs.runtime.outbound.guard import Guard
from scheduler.webhooks.deliverer import Deliverer
from support import admin_api, webhook_receiver
from support.plain_http import NO_CERTIFICATES
from support.waiting import wait_until
from support.webhook_receiver import Received, Receiver
from support.webhook_rows import VARIABLES

WEBHOOKS = "/api/admin/webhooks"
Client = flask.testing.FlaskClient


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver.receiving() as running:
        yield running


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with admin_api.opened(database_url, **VARIABLES) as app:
        yield admin_api.with_token(app)


@pytest.fixture
def deliverer(database: Database) -> Iterator[Deliverer]:
    guard = Guard(settings.read_outbound_settings(VARIABLES))
    started = Deliverer(
        database,
        sender=Sender(guard, NO_CERTIFICATES),
        chosen=settings.read_webhook_settings(VARIABLES),
    )
    started.start()
    yield started
    started.stop()
    assert started.drain(10)


def verified(received: Received, secret: str) -> Any:
    return standardwebhooks.Webhook(secret).verify(received.body, received.headers)


def test_an_endpoint_is_created_tested_and_informed(
    client: Client, deliverer: Deliverer, receiver: Receiver
) -> None:
    body = {"url": f"{receiver.url}/ok", "events": ["job.cancelled", "job.failed"]}
    made = client.post(WEBHOOKS, json=body)
    assert made.status_code == 201, made.text
    own, secret = f"{WEBHOOKS}/{made.json['id']}", made.json["secret"]
    ping = client.post(f"{own}/ping")
    assert ping.status_code == 202, ping.text
    (tested,) = receiver.wait_for(1, timeout=10)
    assert verified(tested, secret)["type"] == "test.ping"
    location = ping.headers["Location"]
    shown = wait_until(
        lambda: (found := client.get(location).json)["state"] == "delivered" and found,
        timeout=10,
        describe=lambda: client.get(location).text,
    )
    assert shown["attempt_list"][0]["status_code"] == 200, shown
    job = client.post("/api/admin/jobs", json={"subreddit": "cats"}).json["job"]
    assert client.post(f"/api/admin/jobs/{job['id']}/cancel").status_code == 200
    cancelled = receiver.wait_for(2, timeout=10)[1]
    event = verified(cancelled, secret)
    assert event["type"] == "job.cancelled"
    assert event["data"]["job_id"] == job["id"]
    assert event["data"]["subreddit"] == "cats"
    assert event["data"]["version"] > 0
    assert event["data"]["links"]["job"].endswith(f"/api/admin/jobs/{job['id']}")
    rotated = client.post(f"{own}/rotate-secret", json={})
    assert rotated.json["secret"] != secret
    assert client.post(f"{own}/ping").status_code == 202
    both = receiver.wait_for(3, timeout=10)[2]
    assert verified(both, secret) == verified(both, rotated.json["secret"])
    again = client.post(f"{own}/replay", json={"since": event["timestamp"], "only_failed": False})
    assert again.json["deliveries"] == 1, again.text
    replayed = receiver.wait_for(4, timeout=10)[3]
    assert (replayed.id, replayed.body) == (cancelled.id, cancelled.body)
