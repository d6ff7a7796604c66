"""/api/admin/webhooks: endpoints, their secrets, pings, replays and deliveries."""

import base64
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawler_worker.maintenance.operation_running import OperationRunning
from crawljobs.db.database import Database
from crawljobs.domain import webhook_secret
from crawljobs.domain.webhook import SUBSCRIBABLE
from support.admin_api import with_token
from support.webhooks import INSIDE, MASTER_KEY

WEBHOOKS = "/api/admin/webhooks"
ANY = {"If-Match": "*"}
NOW = {"more": False, "dry_run": False, "operation_id": None}  # the answer to a small replay
Client = flask.testing.FlaskClient


def create(client: Client, **fields: Any) -> dict[str, Any]:
    body = {"url": f"{INSIDE}/hook", "events": ["job.failed"], **fields}
    response = client.post(WEBHOOKS, json=body)
    assert response.status_code == 201, response.text
    assert response.headers["Location"] == f"{WEBHOOKS}/{response.json['id']}"
    made: dict[str, Any] = response.json
    return made


def audit_of(database: Database) -> list[Any]:
    query = "SELECT action, before, after, l::text AS whole FROM admin_audit_log AS l"
    with database.begin() as conn:
        return [*conn.execute(text(f"{query} WHERE action <> 'refused' ORDER BY id"))]


def deliver(
    database: Database,
    endpoint_id: int,
    *,
    state: str = "failed",
    age: str = "1 hour",
    count: int = 1,
) -> list[int]:
    """Insert events with a delivery each, as the deliverer does, and return the deliveries' ids."""
    with database.begin() as conn:
        return [
            *conn.execute(
                text("""
                    WITH event AS (
                        INSERT INTO webhook_events (type, data, created_at, expanded_at)
                        SELECT 'job.failed', '{"job_id": 1}', now() - CAST(:age AS interval), now()
                        FROM generate_series(1, :count) RETURNING id, created_at
                    )
                    INSERT INTO webhook_deliveries
                        (event_id, endpoint_id, state, attempts, created_at, ended_at)
                    SELECT id, :endpoint_id, :state, 10, created_at,
                        CASE WHEN :state NOT IN ('pending', 'held') THEN now() END
                    FROM event RETURNING id
                """),
                {"age": age, "count": count, "endpoint_id": endpoint_id, "state": state},
            ).scalars()
        ]


def states(database: Database) -> dict[int, str]:
    with database.begin() as conn:
        rows = conn.execute(text("SELECT id, state FROM webhook_deliveries ORDER BY id"))
        return {row.id: row.state for row in rows}


def test_each_route_says_that_webhooks_are_off_and_how_to_turn_them_on(
    make_app: Callable[..., flask.Flask], database_url: str
) -> None:
    app = make_app(database_url, WEBHOOK_MASTER_KEY="")
    client = with_token(app)
    rules = [rule for rule in app.url_map.iter_rules() if str(rule).startswith(WEBHOOKS)]
    assert len(rules) == 17
    for rule in rules:
        (method,) = rule.methods - {"HEAD", "OPTIONS"}
        path = str(rule).replace("<id:endpoint_id>", "1").replace("<id:delivery_id>", "1")
        answer = client.open(path, method=method)
        assert (answer.status_code, answer.json["code"]) == (409, "webhooks_off"), path
        assert "WEBHOOK_MASTER_KEY" in answer.json["detail"]


def test_an_endpoint_is_created_changed_and_deleted(client: Client, database: Database) -> None:
    made = create(
        client,
        events=["job.failed", "job.failed", "group.finished"],
        description="",
        filter={"group_id": 7, "source": "user", "subreddit": "r/Python"},
    )
    assert made["events"] == ["job.failed", "group.finished"]
    assert made["filter"] == {"group_id": 7, "source": "user", "subreddit": "python"}
    assert (made["state"], made["description"], made["created_by"]) == (
        "enabled",
        None,
        "bootstrap",
    )
    path = f"{WEBHOOKS}/{made['id']}"
    shown = client.get(path)
    assert shown.json == {name: value for name, value in made.items() if name != "secret"}
    assert client.get(WEBHOOKS).json == {"items": [shown.json], "next": None}

    assert client.patch(path, json={"description": "x"}).status_code == 428
    changed = client.patch(
        path, json={"description": "chat"}, headers={"If-Match": shown.headers["ETag"]}
    )
    assert changed.json["version"] == made["version"] + 1
    assert changed.json["filter"] == made["filter"]
    stale = {"If-Match": shown.headers["ETag"]}
    assert client.patch(path, json={"description": "y"}, headers=stale).status_code == 412
    same = client.patch(path, json={"description": "chat"}, headers=ANY)
    assert same.headers["ETag"] == changed.headers["ETag"]
    replaced = client.put(
        path, json={"url": f"{INSIDE}/b?key=abc", "events": ["job.succeeded"]}, headers=ANY
    )
    assert (replaced.json["description"], replaced.json["filter"]["group_id"]) == (None, None)
    assert client.delete(path).status_code == 204
    assert client.get(path).json["code"] == "not_found"
    rows = audit_of(database)
    assert [row.action for row in rows] == ["create", "update", "update", "delete"]
    assert rows[2].after["url"] == f"{INSIDE}/***"  # a secret path or query is left out
    assert not any("abc" in row.whole or "whsec_" in row.whole for row in rows)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"url": "http://127.0.0.1:8443/"}, "/url"),
        ({"url": "https://169.254.169.254/latest"}, "/url"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "https://user:pass@127.0.0.1:8443/"}, "/url"),
        ({"url": "ftp://127.0.0.1/"}, "/url"),
        ({"url": "x" * 2_001}, "/url"),
        ({"events": []}, "/events"),
        ({"events": ["test.ping"]}, "/events/0"),
        ({"events": ["job.exploded"]}, "/events/0"),
        ({"filter": {"source": "robot"}}, "/filter/source"),
        ({"filter": {"group_id": 0}}, "/filter/group_id"),
        ({"filter": {"subreddit": "no such name"}}, "/filter/subreddit"),
        ({"description": "x" * 1_001}, "/description"),
    ],
)
def test_a_wrong_value_is_refused_at_each_change(
    client: Client, fields: dict[str, Any], pointer: str
) -> None:
    body = {"url": f"{INSIDE}/hook", "events": ["job.failed"], **fields}
    refused = [client.post(WEBHOOKS, json=body)]
    path = f"{WEBHOOKS}/{create(client)['id']}"
    refused.append(client.put(path, json=body, headers=ANY))
    refused.append(client.patch(path, json=fields, headers=ANY))
    for answer in refused:
        assert answer.status_code == 422, answer.text
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_the_secret_is_derived_shown_rotated_and_never_stored(
    client: Client, database: Database
) -> None:
    made = create(client, events=list(SUBSCRIBABLE))
    path = f"{WEBHOOKS}/{made['id']}"

    def secret(version: int) -> str:
        key = webhook_secret.signing_key(
            MASTER_KEY.encode(), endpoint_id=made["id"], version=version
        )
        return webhook_secret.shown_secret(key)

    assert made["secret"] == secret(1)
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    shown = client.get(f"{path}/secret").json
    assert shown == {
        "secret": secret(1),
        "previous_secret": None,
        "previous_secret_until": None,
    }
    keyed = {"Idempotency-Key": "once"}
    rotated = client.post(f"{path}/rotate-secret", headers=keyed)
    assert rotated.json["secret"] == secret(2)
    assert client.post(f"{path}/rotate-secret", headers=keyed).json["code"] == "answer_not_kept"
    shown = client.get(f"{path}/secret").json
    assert (shown["secret"], shown["previous_secret"]) == (secret(2), secret(1))
    until = datetime.fromisoformat(shown["previous_secret_until"])
    assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24)
    client.post(f"{path}/rotate-secret", json={"previous_valid_hours": 0})
    shown = client.get(f"{path}/secret").json
    assert (shown["secret"], shown["previous_secret"]) == (secret(3), None)
    too_long = client.post(f"{path}/rotate-secret", json={"previous_valid_hours": 169})
    assert too_long.status_code == 422
    with database.begin() as conn:
        for table in ("webhook_endpoints", "idempotency_keys", "admin_audit_log"):
            stored = [*conn.execute(text(f"SELECT t::text FROM {table} AS t")).scalars()]
            assert stored
            assert not any("whsec_" in row for row in stored)
    actions = [row.action for row in audit_of(database)]
    assert actions == [
        "create",
        "show_secret",
        "rotate_secret",
        *["show_secret"],
        "rotate_secret",
        "show_secret",
    ]


def test_at_most_fifty_endpoints_exist(client: Client, database: Database) -> None:
    first = create(client)
    with database.begin() as conn:
        conn.execute(
            text("""
                INSERT INTO webhook_endpoints (url, events, created_by)
                SELECT url, events, created_by FROM webhook_endpoints, generate_series(1, 49)
            """)
        )
    body = {"url": f"{INSIDE}/hook", "events": ["job.failed"]}
    assert client.post(WEBHOOKS, json=body).json["code"] == "too_many_webhooks"
    page = client.get(f"{WEBHOOKS}?limit=20").json
    rest = client.get(f"{WEBHOOKS}?limit=40&cursor={page['next']}")
    assert rest.status_code == 200
    assert len(page["items"]) + len(rest.json["items"]) == 50
    assert client.delete(f"{WEBHOOKS}/{first['id']}").status_code == 204
    create(client)


def test_a_disabled_endpoint_holds_its_deliveries_until_it_is_enabled(
    client: Client, database: Database
) -> None:
    made = create(client)
    other = create(client)
    path = f"{WEBHOOKS}/{made['id']}"
    pending = deliver(database, made["id"], state="pending", count=3)
    (done,) = deliver(database, made["id"], state="delivered")
    (elsewhere,) = deliver(database, other["id"], state="pending")
    disabled = client.post(f"{path}/disable").json
    assert (disabled["state"], disabled["disabled_reason"]) == ("disabled", "operator")
    assert client.post(f"{path}/disable").json["version"] == disabled["version"]
    expected = {**dict.fromkeys(pending, "held"), done: "delivered", elsewhere: "pending"}
    assert states(database) == expected
    assert client.post(f"{path}/ping").json["code"] == "webhook_disabled"
    since = {"since": "2020-01-01T00:00:00Z"}
    assert client.post(f"{path}/replay", json=since).json["code"] == "webhook_disabled"
    enabled = client.post(f"{path}/enable").json
    assert (enabled["state"], enabled["disabled_reason"]) == ("enabled", None)
    assert states(database) == {**expected, **dict.fromkeys(pending, "pending")}
    items = client.get(f"{path}/deliveries?state=pending").json["items"]
    times = sorted(datetime.fromisoformat(item["next_attempt_at"]) for item in items)
    assert times[2] - times[0] == timedelta(seconds=0.2)  # 10 a second
    client.delete(path)
    assert states(database) == {**expected, **dict.fromkeys(pending, "dropped")}


def test_a_ping_makes_one_delivery(client: Client) -> None:
    path = f"{WEBHOOKS}/{create(client)['id']}"
    answer = client.post(f"{path}/ping")
    assert answer.status_code == 202
    found = client.get(answer.headers["Location"]).json
    assert (found["type"], found["kind"], found["state"]) == ("test.ping", "ping", "pending")
    assert found["event_id"].startswith("msg_")
    assert (found["attempt_list"], found["body"]) == ([], None)
    assert client.post(f"{path}/ping").json == answer.json


def test_failed_deliveries_are_replayed(client: Client, database: Database) -> None:
    made = create(client)
    path = f"{WEBHOOKS}/{made['id']}"
    (old,) = deliver(database, made["id"], age="3 days")
    failed = deliver(database, made["id"], count=12)
    (done,) = deliver(database, made["id"], state="delivered")
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    counted = client.post(f"{path}/replay", json={"since": since, "dry_run": True})
    assert (counted.status_code, counted.json) == (200, {**NOW, "deliveries": 12, "dry_run": True})
    answer = client.post(f"{path}/replay", json={"since": since})
    assert (answer.status_code, answer.json) == (202, {**NOW, "deliveries": 12})
    pending = client.get(answer.headers["Location"]).json["items"]
    assert sorted(item["id"] for item in pending) == failed
    expected = {old: "failed", **dict.fromkeys(failed, "pending"), done: "delivered"}
    assert states(database) == expected
    all_of = client.post(f"{path}/replay", json={"since": since, "only_failed": False})
    assert all_of.json == {**NOW, "deliveries": 1}
    items = client.get(f"{path}/deliveries?state=pending").json["items"]
    times = [datetime.fromisoformat(item["next_attempt_at"]) for item in reversed(items)]
    # The second replay begins after the first one: 10 a second in all.
    assert times[-1] - times[0] == timedelta(seconds=1.2)
    one = client.post(f"{WEBHOOKS}/deliveries/{old}/replay")
    assert (one.status_code, one.json["state"], one.json["kind"]) == (202, "pending", "replay")
    again = client.post(f"{WEBHOOKS}/deliveries/{old}/replay")
    assert again.json["code"] == "delivery_open"


def test_a_pending_delivery_is_sent_now(client: Client, database: Database) -> None:
    made = create(client)
    waiting, claimed, held = deliver(database, made["id"], state="pending", count=3)
    (ended,) = deliver(database, made["id"])
    with database.begin() as conn:
        conn.execute(
            text("""
                UPDATE webhook_deliveries SET next_attempt_at = now() + interval '5 hours',
                    state = CASE WHEN id = :held THEN 'held' ELSE state END,
                    claim_token = CASE WHEN id = :claimed THEN gen_random_uuid() END,
                    lease_until = CASE WHEN id = :claimed THEN now() + interval '5 hours' END
                """),
            {"held": held, "claimed": claimed},
        )
    answer, again, in_flight = (
        client.post(f"{WEBHOOKS}/deliveries/{each}/send-now")
        for each in (waiting, waiting, claimed)
    )
    assert (answer.status_code, again.status_code, in_flight.status_code) == (202,) * 3
    due_at = datetime.fromisoformat(answer.json["next_attempt_at"])
    assert abs(due_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert (again.json, answer.json["attempts"]) == (answer.json, 10)
    later = datetime.fromisoformat(in_flight.json["next_attempt_at"])
    assert later > datetime.now(UTC) + timedelta(hours=4)
    for delivery_id in (held, ended):
        refused = client.post(f"{WEBHOOKS}/deliveries/{delivery_id}/send-now")
        assert (refused.status_code, refused.json["code"]) == (409, "delivery_not_pending")
    assert client.post(f"{WEBHOOKS}/deliveries/999999/send-now").json["code"] == "not_found"
    sent = [row.after for row in audit_of(database) if row.action == "send_now"]
    assert sent == [{"delivery_id": waiting}]


def test_a_replay_of_many_deliveries_is_an_operation(client: Client, database: Database) -> None:
    made = create(client)
    path = f"{WEBHOOKS}/{made['id']}/replay"
    ids = deliver(database, made["id"], count=1_001)
    since = {"since": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
    answer = client.post(path, json=since)
    assert answer.status_code == 202
    operation_id = answer.json["operation_id"]
    assert answer.json == {**NOW, "deliveries": 1_001, "operation_id": operation_id}
    assert answer.headers["Location"] == f"/api/admin/operations/{operation_id}"
    shown = client.get(answer.headers["Location"]).json
    assert (shown["kind"], shown["resource_type"]) == ("replay_webhook", "webhook")
    assert (shown["resource_id"], shown["total"], shown["state"]) == (made["id"], 1_001, "pending")
    again = client.post(path, json=since)
    assert (again.status_code, again.json["code"]) == (409, "operation_in_progress")
    assert again.headers["Location"] == answer.headers["Location"]
    assert set(states(database).values()) == {"failed"}
    audited = audit_of(database)[-1]
    assert (audited.action, audited.after["operation"]) == ("replay", operation_id)
    OperationRunning(database, threading.Event()).run()
    assert states(database) == dict.fromkeys(ids, "pending")
    assert client.get(answer.headers["Location"]).json["counts"] == {"replayed": 1_001}


def test_deliveries_are_listed_with_their_attempts(client: Client, database: Database) -> None:
    made = create(client)
    ids = deliver(database, made["id"], count=5)
    with database.begin() as conn:
        conn.execute(
            text("""
                INSERT INTO webhook_attempts
                    (delivery_id, number, started_at, duration_ms, result, status_code, response)
                SELECT :id, number, now(), 12, 'http_error', 500, 'oops'
                FROM generate_series(1, 120) AS number
            """),
            {"id": ids[2]},
        )
        conn.execute(
            text("UPDATE webhook_events SET job_id = 7, group_ids = '{3,4}', subreddit = 'python'")
        )
    page = client.get(f"{WEBHOOKS}/{made['id']}/deliveries?limit=3&state=failed").json
    cursor = page["next"]
    rest = client.get(f"{WEBHOOKS}/{made['id']}/deliveries?limit=3&state=failed&cursor={cursor}")
    listed = [item["id"] for item in page["items"] + rest.json["items"]]
    assert listed == sorted(ids, reverse=True)
    objects = {(item["job_id"], item["group_id"], item["subreddit"]) for item in page["items"]}
    assert objects == {(7, 3, "python")}
    found = client.get(f"{WEBHOOKS}/deliveries/{ids[2]}").json
    assert [each["number"] for each in found["attempt_list"]] == [*range(120, 20, -1)]
    assert found["attempt_list"][0]["response"] == "oops"
    assert (found["job_id"], found["group_id"], found["subreddit"]) == (7, 3, "python")
    for path in (f"{WEBHOOKS}/999999/deliveries", f"{WEBHOOKS}/deliveries/999999"):
        assert client.get(path).json["code"] == "not_found"


def test_only_the_scope_of_webhooks_permits_these_routes(client: Client, app: flask.Flask) -> None:
    path = f"{WEBHOOKS}/{create(client)['id']}"
    made = {
        name: client.post("/api/admin/tokens", json={"name": name, "scopes": scopes}).json["token"]
        for name, scopes in {
            "all others": ["read", "jobs", "schedules", "audit", "tokens"],
            "hooks": ["webhooks"],
        }.items()
    }
    others, mine = (with_token(app, token) for token in made.values())
    assert others.get(path).json["code"] == "insufficient_scope"
    assert others.get(f"{path}/secret").json["code"] == "insufficient_scope"
    assert mine.get(path).status_code == 200
    assert mine.get("/api/admin/jobs").json["code"] == "insufficient_scope"


def test_a_token_with_a_scope_of_a_later_release_is_shown(
    client: Client, app: flask.Flask, database: Database
) -> None:
    made = client.post("/api/admin/tokens", json={"name": "later", "scopes": ["read"]}).json
    with database.begin() as conn:
        conn.execute(text("ALTER TABLE api_tokens DROP CONSTRAINT api_tokens_scopes_check"))
        conn.execute(text("UPDATE api_tokens SET scopes = '{read,later}'"))
    # The client of the other tests refuses values that the document does not list.
    unchecked = flask.testing.FlaskClient(app, app.response_class)
    headers = {"Authorization": client.environ_base["HTTP_AUTHORIZATION"]}
    shown = unchecked.get(f"/api/admin/tokens/{made['id']}", headers=headers)
    assert shown.json["scopes"] == ["later", "read"]
    assert with_token(app, made["token"]).get("/api/admin/jobs").status_code == 200
