"""The deliverer sends each event to the endpoints that want it, and records each attempt."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from sqlalchemy import select, text

from crawljobs.db import tables
from crawljobs.db.database import Database
from crawljobs.domain import webhook_secret
from crawljobs.domain.webhook import EventType
from support import webhook_rows
from support.databases import Databases
from support.roles import Roles, made
from support.waiting import wait_until
from support.webhook_receiver import Received, Receiver
from support.webhook_rows import MASTER_KEY, SUCCEEDED, add_endpoint, add_events

Deliver = Callable[..., Any]


def verify(received: Received, endpoint_id: int, *, key: str = MASTER_KEY, version: int = 1) -> Any:
    """Return the body that the public library verified with the secret of the endpoint."""
    signing = webhook_secret.signing_key(key.encode(), endpoint_id=endpoint_id, version=version)
    webhook = standardwebhooks.Webhook(webhook_secret.shown_secret(signing))
    return webhook.verify(received.body, received.headers)


def wait_for_states(database: Database, *states: str) -> None:
    """Wait until the deliveries have these states, in the order of their ids."""
    wait_until(
        lambda: tuple(each.state for each in webhook_rows.deliveries(database)) == states,
        timeout=15,
        describe=lambda: webhook_rows.deliveries(database),
    )


def test_each_endpoint_that_wants_an_event_gets_it_with_one_id(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    ok = f"{receiver.url}/ok"
    with database.begin() as conn:
        wanting = add_endpoint(conn, ok, SUCCEEDED, EventType.JOB_FAILED)
        filtered = add_endpoint(conn, ok, filter_subreddit="cats", filter_group_id=5)
        for columns in (
            {"filter_subreddit": "dogs"},
            {"filter_group_id": 6},
            {"filter_source": "schedule"},
            {"state": "disabled", "disabled_reason": "operator", "disabled_at": datetime.now(UTC)},
            {"created_at": datetime.now(UTC) + timedelta(minutes=1)},
        ):
            add_endpoint(conn, ok, **columns)
        add_endpoint(conn, ok, EventType.JOB_FAILED)
        (event_id,) = add_events(conn, group_ids=[4, 5], source="user")
    deliver()
    received = receiver.wait_for(2)
    wait_for_states(database, "delivered", "delivered")
    assert len(receiver.received) == 2
    with database.read() as conn:
        event = conn.execute(select(tables.webhook_events)).one()
    for each in received:
        assert each.id == f"msg_{event_id.hex}"
        assert each.body.decode() == event.body
        assert each.headers["content-type"] == "application/json"
        assert each.headers["user-agent"].startswith("crawljobs/")
    verified = [
        verify(each, endpoint)
        for each, endpoint in (
            zip(received, (wanting, filtered), strict=True)
            if is_signed_for(received[0], wanting)
            else zip(received, (filtered, wanting), strict=True)
        )
    ]
    assert verified[0] == verified[1] == json.loads(event.body)
    assert verified[0]["data"]["links"]["job"] == "https://crawl.example.com/api/admin/jobs/7"
    attempts = webhook_rows.attempts(database)
    assert [(each.number, each.result, each.status_code) for each in attempts] == [
        (1, "succeeded", 200)
    ] * 2
    assert attempts[0].response == '{"ok":true}'


def is_signed_for(received: Received, endpoint_id: int) -> bool:
    try:
        verify(received, endpoint_id)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def test_both_secrets_and_both_master_keys_sign_during_a_rotation(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    now = datetime.now(UTC)
    old_key = "b2Xc4Vn6Bm8Qw1Er3Ty5Ui7Op9As0Dfg"
    with database.begin() as conn:
        rotated = {"secret_version": 3, "previous_secret_version": 2}
        rotating = add_endpoint(
            conn, f"{receiver.url}/ok", **rotated, previous_secret_until=now + timedelta(hours=1)
        )
        ended = add_endpoint(
            conn, f"{receiver.url}/ok?b", **rotated, previous_secret_until=now - timedelta(hours=1)
        )
        add_events(conn)
    deliver(WEBHOOK_MASTER_KEY_PREVIOUS=old_key)
    (first,) = receiver.wait_for(1)
    for key in (MASTER_KEY, old_key):
        for version in (2, 3):
            assert verify(first, rotating, key=key, version=version)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verify(first, rotating, version=1)
    (second,) = receiver.wait_for(1, path="/ok?b")
    assert verify(second, ended, key=old_key, version=3)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verify(second, ended, version=2)


# path, result, status, and the seconds before the next attempt
FAILURES: list[tuple[str, str, int | None, float, float]] = [
    ("/status/500", "http_error", 500, 4, 6),
    ("/status/404", "http_error", 404, 4, 6),
    ("/redirect/9", "http_error", 302, 4, 6),
    ("/busy/100", "http_error", 429, 100, 100),
    ("/busy/9999999", "http_error", 429, 120, 120),
    ("/busy/1", "http_error", 429, 60, 60),
    ("/status/502", "http_error", 502, 60, 60),
    ("/garbage", "invalid_answer", None, 4, 6),
    ("/hang-up", "connection_failed", None, 4, 6),
]


def test_a_failed_attempt_is_made_again_after_its_delay(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    with database.begin() as conn:
        endpoints = [add_endpoint(conn, receiver.url + path) for path, *_ in FAILURES]
        add_events(conn)
    deliver()
    attempts = wait_until(
        lambda: (
            (found := webhook_rows.attempts(database)) and len(found) == len(FAILURES) and found
        ),
        timeout=15,
        describe=lambda: webhook_rows.attempts(database),
    )
    deliveries = {each.id: each for each in webhook_rows.deliveries(database)}
    found = {deliveries[each.delivery_id].endpoint_id: each for each in attempts}
    for endpoint, (_, result, status, least, most) in zip(endpoints, FAILURES, strict=True):
        attempt = found[endpoint]
        assert (attempt.result, attempt.status_code) == (result, status)
        delivery = deliveries[attempt.delivery_id]
        assert (delivery.state, delivery.attempts, delivery.claim_token) == ("pending", 1, None)
        ended = attempt.started_at + timedelta(milliseconds=attempt.duration_ms)
        wait = (delivery.next_attempt_at - ended).total_seconds()
        assert least - 0.1 <= wait <= most + 0.1
    webhook_rows.make_due(database)
    for endpoint, (path, *_) in zip(endpoints, FAILURES, strict=True):
        first, second = receiver.wait_for(2, path=path)
        assert (first.id, first.body) == (second.id, second.body)
        assert verify(second, endpoint)


def test_a_delivery_fails_after_its_last_attempt(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    with database.begin() as conn:
        add_endpoint(conn, f"{receiver.url}/status/500")
        (event_id,) = add_events(conn, expanded_at=datetime.now(UTC))
        conn.execute(
            text(
                "INSERT INTO webhook_deliveries (event_id, endpoint_id, attempts, attempts_before)"
                " SELECT :event, id, 12, 4 FROM webhook_endpoints"
            ),
            {"event": event_id},
        )
    deliver()
    receiver.wait_for(1, path="/status/500")
    wait_until(
        lambda: webhook_rows.deliveries(database, attempts=13, state="pending"),
        timeout=15,
        describe=lambda: webhook_rows.deliveries(database),
    )
    webhook_rows.make_due(database)
    wait_for_states(database, "failed")
    (delivery,) = webhook_rows.deliveries(database)
    assert delivery.attempts == 14
    assert delivery.ended_at is not None


def test_a_refused_address_gets_no_connection(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    with database.begin() as conn:
        for url in ("http://10.0.0.1/", "http://[::1]/", "http://no-such-name.invalid/"):
            add_endpoint(conn, url)
        add_endpoint(conn, f"{receiver.url}/ok")
        add_events(conn)
    deliver(WEBHOOK_ALLOWED_NETWORKS="127.0.0.2/32")
    attempts = wait_until(
        lambda: (found := webhook_rows.attempts(database)) and len(found) == 4 and found,
        timeout=15,
        describe=lambda: webhook_rows.attempts(database),
    )
    assert [each.result for each in attempts] == [
        *("refused_address", "refused_address", "dns_failed", "refused_address")
    ]
    assert "WEBHOOK_ALLOWED_NETWORKS" in attempts[0].detail
    assert receiver.received == []


@pytest.fixture
def roles(databases: Databases) -> Iterator[Roles]:
    with made(databases) as found:
        yield found


def test_a_receiver_that_is_gone_is_disabled_and_reported(
    roles: Roles, receiver: Receiver, deliver: Deliver
) -> None:
    database = Database(roles.url)
    deliverer = deliver(Database(roles.url_as("scheduler")))
    with database.begin() as conn:
        gone = add_endpoint(
            conn, f"{receiver.url}/status/410", SUCCEEDED, EventType.WEBHOOK_DISABLED
        )
        other = add_endpoint(conn, f"{receiver.url}/ok", EventType.WEBHOOK_DISABLED)
        add_events(conn, 2)
    (report,) = receiver.wait_for(1)
    assert verify(report, other)["data"]["webhook_id"] == gone
    assert verify(report, other)["data"]["reason"] == "gone"
    wait_for_states(database, "held", "held", "delivered")
    with database.begin() as conn:
        endpoint = conn.execute(
            select(tables.webhook_endpoints).where(tables.webhook_endpoints.c.id == gone)
        ).one()
        audited = conn.execute(select(tables.admin_audit_log)).one()
        add_events(conn)
    assert (endpoint.state, endpoint.disabled_reason) == ("disabled", "gone")
    assert (audited.actor, audited.action, audited.resource_id) == (
        *("system:scheduler", "disable"),
        str(gone),
    )
    wait_for_states(database, "held", "held", "delivered", "held")
    deliverer.stop()
    assert deliverer.drain(10)
    deliverer._database.close()
    database.close()


def test_an_endpoint_without_success_for_days_is_disabled(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    now = datetime.now(UTC)
    failing = {"first_failure_at": now - timedelta(hours=13), "last_failure_at": now}
    failing["last_failure_at"] -= timedelta(hours=1)
    with database.begin() as conn:
        url = f"{receiver.url}/status/500"
        dead = add_endpoint(conn, url, created_at=now - timedelta(days=6), **failing)
        young = add_endpoint(conn, url, created_at=now - timedelta(days=4), **failing)
        alive = add_endpoint(
            conn,
            f"{receiver.url}/ok",
            created_at=now - timedelta(days=6),
            last_success_at=now - timedelta(days=6),
            **failing,
        )
        add_events(conn)
    deliver()
    wait_for_states(database, "held", "pending", "delivered")
    with database.read() as conn:
        found = {
            each.id: (each.disabled_reason, each.first_failure_at is None)
            for each in conn.execute(select(tables.webhook_endpoints))
        }
    assert found == {dead: ("failing", False), young: (None, False), alive: (None, True)}


def test_a_ping_is_sent_at_once_and_only_once(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    with database.begin() as conn:
        busy = add_endpoint(conn, f"{receiver.url}/silent")
        add_events(conn, 10)
    deliver()
    receiver.wait_for(4, path="/silent")
    with database.begin() as conn:
        conn.execute(text("UPDATE webhook_endpoints SET url = url || '?ping'"))
        (event_id,) = add_events(conn, kind=EventType.TEST_PING, expanded_at=datetime.now(UTC))
        conn.execute(
            text(
                "INSERT INTO webhook_deliveries (event_id, endpoint_id, kind)"
                " VALUES (:event, :endpoint, 'ping')"
            ),
            {"event": event_id, "endpoint": busy},
        )
        conn.execute(text("UPDATE webhook_endpoints SET url = replace(url, 'silent', 'garbage')"))
    (ping,) = receiver.wait_for(1, path="/garbage?ping", timeout=5)
    assert verify(ping, busy)["type"] == "test.ping"
    wait_until(
        lambda: webhook_rows.deliveries(database, kind="ping", state="failed"),
        timeout=5,
        describe=lambda: webhook_rows.deliveries(database),
    )
    assert len(receiver.at("/silent")) == 4, "an endpoint has at most 4 attempts at the same time"


def test_a_delivery_whose_sender_died_is_sent_again_with_its_id(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    with database.begin() as conn:
        add_endpoint(conn, f"{receiver.url}/ok")
        add_events(conn)
    first = deliver()
    (before,) = receiver.wait_for(1)
    wait_for_states(database, "delivered")
    first.stop()
    first.join(10)
    with database.begin() as conn:
        conn.execute(
            text(
                "UPDATE webhook_deliveries SET state = 'pending', ended_at = NULL, attempts = 0,"
                " claim_token = gen_random_uuid(), lease_until = now(), next_attempt_at = now()"
            )
        )
        conn.execute(text("DELETE FROM webhook_attempts"))
    deliver()
    after = receiver.wait_for(2)[1]
    assert (after.id, after.body) == (before.id, before.body)
    wait_for_states(database, "delivered")
    attempts = [(each.number, each.result) for each in webhook_rows.attempts(database)]
    assert attempts == [(1, "interrupted"), (2, "succeeded")]


def test_an_attempt_that_outlasts_the_drain_is_released(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    with database.begin() as conn:
        endpoint = add_endpoint(conn, f"{receiver.url}/slow/0.3")
        add_events(conn)
    first = deliver()
    receiver.wait_for(1, path="/slow/0.3")
    first.stop()
    assert first.drain(10), "an attempt that ends in time is recorded"
    wait_for_states(database, "delivered")
    webhook_rows.change_endpoint(database, endpoint, url=f"{receiver.url}/silent")
    with database.begin() as conn:
        add_events(conn)
    second = deliver()
    receiver.wait_for(1, path="/silent")
    second.stop()
    assert not second.drain(0.1)
    webhook_rows.change_endpoint(database, endpoint, url=f"{receiver.url}/ok")
    deliver()
    assert receiver.wait_for(1)[0].id == receiver.at("/silent")[0].id
    wait_for_states(database, "delivered", "delivered")
    assert [each.result for each in webhook_rows.attempts(database)][1:] == [
        *("interrupted", "succeeded")
    ]


def test_the_first_attempt_follows_within_a_second_of_the_commit(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    with database.begin() as conn:
        add_endpoint(conn, f"{receiver.url}/ok")
    deliver()
    for count in range(12):
        with database.begin() as conn:
            add_events(conn)
        receiver.wait_for(count)
    received = {each.id: each.at for each in receiver.wait_for(12)}
    with database.read() as conn:
        events = conn.execute(select(tables.webhook_events)).all()
    waits = sorted(received[f"msg_{each.id.hex}"] - each.created_at.timestamp() for each in events)
    assert waits[-2] < 1, waits  # the slowest of twelve may be the load of the machine


def test_new_endpoints_that_hang_do_not_delay_an_endpoint_that_has_answered(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    with database.begin() as conn:
        for number in range(10):
            add_endpoint(conn, f"{receiver.url}/silent?{number}")
        good = datetime.now(UTC) - timedelta(hours=1)
        add_endpoint(
            conn, f"{receiver.url}/ok", EventType.JOB_FAILED, last_success_at=good, created_at=good
        )
        add_events(conn, 4)
    deliver()
    wait_until(
        lambda: len(receiver.received) >= 28, timeout=20, describe=lambda: len(receiver.received)
    )
    for count in range(1, 4):
        with database.begin() as conn:
            add_events(conn, kind=EventType.JOB_FAILED)
        began = time.time()
        assert receiver.wait_for(count)[-1].at - began < 5, "they hang for 15 s"


def test_an_error_of_the_deliverer_does_not_end_it(
    database: Database, receiver: Receiver, deliver: Deliver
) -> None:
    with database.begin() as conn:
        conn.execute(text("ALTER TABLE webhook_events RENAME TO hidden"))
    deliverer = deliver()
    began = deliverer.seconds_since_beat()
    wait_until(
        lambda: deliverer.seconds_since_beat() < began or deliverer.is_alive(),
        timeout=10,
        describe="the loop ended",
    )
    with database.begin() as conn:
        conn.execute(text("ALTER TABLE hidden RENAME TO webhook_events"))
        add_endpoint(conn, f"{receiver.url}/ok")
        add_events(conn)
    receiver.wait_for(1)
    wait_for_states(database, "delivered")
