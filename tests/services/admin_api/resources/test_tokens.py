"""The API creates, rotates and revokes named tokens with scopes, and shows each token once."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import flask.testing
import pytest
import structlog
from sqlalchemy import text

from admin_api.http import auth
from admin_api.http.login_throttle import FAILURES_ALLOWED, WINDOW_SECONDS, FailedLogins
from crawljobs.db.database import Database
from crawljobs.domain import api_token
from crawljobs.domain.api_token import Scope
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.operations import audit_log, token_authentication
from support.admin_api import example_path, with_token

TOKENS = "/api/admin/tokens"
CONTENT = ("/api/subreddits", "/api/posts", "/api/authors", "/api/export")
Client = flask.testing.FlaskClient


def create(client: Client, name: str = "robot", *scopes: str, **asked: Any) -> dict[str, Any]:
    response = client.post(TOKENS, json={"name": name, "scopes": scopes or ["read"], **asked})
    assert response.status_code == 201, response.text
    assert response.json is not None
    made: dict[str, Any] = response.json
    return made


def test_a_token_is_shown_once_and_kept_as_a_hash(client: Client, database: Database) -> None:
    made = create(client)
    assert re.fullmatch(r"cj_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", made["token"])
    assert made["token"].split("_")[1] == made["id"]
    shown = client.get(f"{TOKENS}/{made['id']}")
    secret = made["token"].split("_", 2)[2]
    assert secret not in shown.text
    assert secret not in client.get(TOKENS).text
    with database.begin() as conn:
        rows = [
            *conn.execute(text("SELECT t::text FROM api_tokens AS t")).scalars(),
            *conn.execute(text("SELECT l::text FROM admin_audit_log AS l")).scalars(),
        ]
        stored = conn.execute(text("SELECT token_hash FROM api_tokens")).scalar_one()
    assert stored == api_token.digest(made["token"])
    assert not any(secret in row for row in rows)
    assert "create" in rows[1]


def test_a_token_that_changed_meanwhile_is_not_revoked_unseen(
    client: Client, app: flask.Flask
) -> None:
    made = create(client)
    shown = client.get(f"{TOKENS}/{made['id']}")
    # The request changes the last use of the token, and so its ETag.
    assert with_token(app, made["token"]).get("/api/admin/jobs").status_code == 200
    unseen = {"If-Match": shown.headers["ETag"]}
    assert client.delete(f"{TOKENS}/{made['id']}", headers=unseen).status_code == 412
    seen = {"If-Match": client.get(f"{TOKENS}/{made['id']}").headers["ETag"]}
    revoked = client.delete(f"{TOKENS}/{made['id']}", headers=seen)
    assert revoked.status_code == 200
    assert revoked.headers["ETag"] == client.get(f"{TOKENS}/{made['id']}").headers["ETag"]


def test_a_token_is_the_actor_of_what_it_does(
    client: Client, app: flask.Flask, database: Database
) -> None:
    robot = with_token(app, create(client, "release-robot", "jobs")["token"])
    assert robot.post("/api/admin/jobs", json={"subreddit": "python"}).status_code == 201
    with database.begin() as conn:
        entry = audit_log.list_entries(conn, limit=1).entries[0]
    assert (entry.actor, entry.action) == ("release-robot", "enqueue")


def test_every_route_wants_its_scope(client: Client, app: flask.Flask) -> None:
    """A token with one scope gets 403 on routes of other scopes, whatever its request contains."""
    clients = {scope: with_token(app, create(client, scope, scope)["token"]) for scope in Scope}
    walked = 0
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        wanted = getattr(view, "scope", None)
        if wanted is None:
            assert rule.endpoint.split(".")[0] in ("docs", "api-docs", "whoami", "dashboard"), rule
        if wanted is None or rule.endpoint in auth.PUBLIC_ENDPOINTS:
            continue
        path = example_path(rule)
        (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if method == "GET":
            expected = {
                "audit": Scope.AUDIT,
                "tokens": Scope.TOKENS,
                "webhooks": Scope.WEBHOOKS,
                **dict.fromkeys(CONTENT, Scope.CONTENT),
            }
            part = path.split("/")[3].split("-")[0] if path.count("/") > 2 else ""
            if not path.startswith("/api/admin/"):
                part = "/".join(path.split("/")[:3])
            assert wanted is expected.get(part, Scope.READ), rule
        for scope, limited in clients.items():
            response = limited.open(path, method=method, json=None if method == "GET" else {})
            if scope is wanted:
                assert response.status_code not in (401, 403), f"{method} {path} with {scope}"
                continue
            assert response.status_code == 403, f"{method} {path} with {scope}"
            assert response.json is not None
            assert response.json["code"] == "insufficient_scope"
            assert f'scope="{wanted}"' in response.headers["WWW-Authenticate"]
            walked += 1
    assert walked > 100
    for limited in clients.values():
        assert limited.get("/nothing").status_code == 404
        assert limited.get("/api/openapi.json").status_code == 200


def test_nobody_gives_more_than_they_have(client: Client, app: flask.Flask) -> None:
    keeper = with_token(app, create(client, "keeper", "tokens", "read")["token"])
    assert keeper.post(TOKENS, json={"name": "x", "scopes": ["read"]}).status_code == 201
    response = keeper.post(TOKENS, json={"name": "x", "scopes": ["read", "jobs"]})
    assert response.status_code == 403
    assert response.json is not None
    assert response.json["errors"][0]["pointer"] == "/scopes"


def test_two_tokens_of_a_name_live_at_once_for_rotation(client: Client, app: flask.Flask) -> None:
    old, new = create(client, expires_at="2031-01-01T00:00:00Z"), create(client)
    third = client.post(TOKENS, json={"name": "robot", "scopes": ["read"]})
    assert third.status_code == 409
    assert third.json is not None
    assert third.json["code"] == "too_many_tokens"
    for made in (old, new):
        assert with_token(app, made["token"]).get("/api/admin/jobs").status_code == 200
    revoked = client.delete(f"{TOKENS}/{old['id']}")
    assert revoked.status_code == 200
    assert revoked.json is not None
    assert (revoked.json["live"], revoked.json["revoked_by"]) == (False, "bootstrap")
    assert with_token(app, old["token"]).get("/api/admin/jobs").status_code == 401
    assert with_token(app, new["token"]).get("/api/admin/jobs").status_code == 200
    assert client.delete(f"{TOKENS}/{old['id']}").status_code == 409
    create(client)
    listed = client.get(f"{TOKENS}?limit=2").json
    assert listed is not None
    rest = client.get(f"{TOKENS}?limit=2&cursor={listed['next']}").json
    assert rest is not None
    assert [one["name"] for one in listed["items"] + rest["items"]] == ["robot"] * 3
    assert rest["next"] is None


def test_an_expired_token_is_of_no_use(
    client: Client, app: flask.Flask, database: Database
) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = create(client, expires_at=soon)
    assert with_token(app, made["token"]).get("/api/admin/jobs").status_code == 200
    with database.begin() as conn:
        conn.execute(text("UPDATE api_tokens SET expires_at = clock_timestamp()"))
    assert with_token(app, made["token"]).get("/api/admin/jobs").status_code == 401


def test_a_token_serves_although_its_use_cannot_be_noted(
    client: Client, app: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby database, for example, accepts no changes."""
    robot = with_token(app, create(client)["token"])

    def refuse(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("read-only")

    monkeypatch.setattr(token_authentication, "mark_used", refuse)
    with structlog.testing.capture_logs() as told:
        headers = {"X-Request-Id": "mine"}
        assert robot.get("/api/admin/jobs", headers=headers).status_code == 200
    (line,) = [line for line in told if line["event"] == "auth.last_used_update_failed"]
    assert (line["log_level"], line["reason"], line["request_id"]) == (
        ("warning", "read-only", "mine")
    )


def test_the_last_use_is_written_at_most_once_a_minute(
    client: Client, app: flask.Flask, database: Database
) -> None:
    robot = with_token(app, create(client)["token"])

    def last_used() -> datetime:
        with database.begin() as conn:
            used: datetime = conn.execute(text("SELECT last_used_at FROM api_tokens")).scalar_one()
            return used

    robot.get("/api/admin/jobs")
    first = last_used()
    assert first is not None
    robot.get("/api/admin/jobs")
    assert last_used() == first
    with database.begin() as conn:
        conn.execute(text("UPDATE api_tokens SET last_used_at = last_used_at - interval '1 min'"))
    robot.get("/api/admin/jobs")
    assert last_used() > first
    # The last use lies in the future if the clock of the database was set back.
    with database.begin() as conn:
        ahead = "UPDATE api_tokens SET last_used_at = last_used_at + interval '1 year'"
        conn.execute(text(ahead))
    robot.get("/api/admin/jobs")
    assert last_used() < first + timedelta(days=1)


def test_wrong_tokens_of_the_right_form_are_refused(client: Client, app: flask.Flask) -> None:
    made = create(client)
    unknown, _ = api_token.new_token()
    for token in (
        unknown,
        made["token"][:-1] + ("A" if made["token"][-1] != "A" else "B"),
        made["token"] + "x",
        made["token"].upper(),
        f"cj_{made['id']}_",
        f"cj_{made['id']}_{'é' * 43}",
    ):
        assert with_token(app, token).get("/api/admin/jobs").status_code == 401, token


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "bootstrap", "scopes": ["read"]}, "/name"),
        ({"name": "Bootstrap", "scopes": ["read"]}, "/name"),
        ({"name": "BOOTSTRAP-2", "scopes": ["read"]}, "/name"),
        ({"name": "system:scheduler", "scopes": ["read"]}, "/name"),
        ({"name": "System", "scopes": ["read"]}, "/name"),
        ({"name": "sYSTEMs team", "scopes": ["read"]}, "/name"),
        ({"name": "ops ", "scopes": ["read"]}, "/name"),
        ({"name": " ops", "scopes": ["read"]}, "/name"),
        ({"name": "o  ps", "scopes": ["read"]}, "/name"),
        ({"name": "ops\u200b", "scopes": ["read"]}, "/name"),
        ({"name": "\uff4f\uff50\uff53", "scopes": ["read"]}, "/name"),
        ({"name": "\u043eps", "scopes": ["read"]}, "/name"),
        ({"name": "a\u00a0b", "scopes": ["read"]}, "/name"),
        ({"name": "a" * 100 + " a", "scopes": ["read"]}, "/name"),
        ({"name": "a" * 60_000 + "!", "scopes": ["read"]}, "/name"),
        ({"name": "a\nb", "scopes": ["read"]}, "/name"),
        ({"name": "a\n", "scopes": ["read"]}, "/name"),
        ({"name": "", "scopes": ["read"]}, "/name"),
        ({"name": "x" * 101, "scopes": ["read"]}, "/name"),
        ({"name": "x", "scopes": []}, "/scopes"),
        ({"name": "x", "scopes": ["root"]}, "/scopes/0"),
        ({"name": "x", "scopes": ["read"] * (len(Scope) + 1)}, "/scopes"),
        ({"name": "x", "scopes": ["read"], "expires_at": "soon"}, "/expires_at"),
    ],
)
def test_a_wrong_token_request_is_refused(
    offline: Client, body: dict[str, Any], pointer: str
) -> None:
    response = offline.post(TOKENS, json=body)
    assert response.status_code == 422
    assert response.json is not None
    assert [error["pointer"] for error in response.json["errors"]] == [pointer]


def test_too_many_wrong_tokens_have_to_wait_and_a_good_one_never_does(app: flask.Flask) -> None:
    wrong = with_token(app, "x" * 43)
    for _ in range(FAILURES_ALLOWED):
        assert wrong.get("/api/admin/jobs").status_code == 401
    refused = wrong.get("/api/admin/jobs")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= WINDOW_SECONDS
    assert with_token(app).get("/api/admin/jobs").status_code == 200
    # A missing token does not count as a wrong token.
    assert app.test_client().get("/api/admin/jobs").status_code == 401
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    answer = elsewhere.get("/api/admin/jobs", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401


def test_failures_are_forgotten_after_a_window_and_addresses_after_many() -> None:
    from ipaddress import ip_address

    now = [0.0]
    logins = FailedLogins(clock=lambda: now[0])
    here = ip_address("2001:db8::1")
    waits = [logins.record_failure(here) for _ in range(FAILURES_ALLOWED + 1)]
    assert waits == [0.0] * FAILURES_ALLOWED + [WINDOW_SECONDS]
    # Both addresses have the same /64 prefix and count as one client.
    assert logins.record_failure(ip_address("2001:db8::2")) > 0
    assert logins.record_failure(ip_address("2001:db8:0:1::1")) == 0
    now[0] = WINDOW_SECONDS
    assert logins.record_failure(here) == 0
    for number in range(20_000):
        logins.record_failure(ip_address(number))
    assert len(logins._windows) <= 10_000
