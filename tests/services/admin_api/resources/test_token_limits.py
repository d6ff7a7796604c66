"""A token can create or revoke only tokens that have no more scopes and do not live longer."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from support.admin_api import with_token
from support.locks import wait_until_blocked

TOKENS = "/api/admin/tokens"
ALL = ["read", "jobs", "schedules", "audit", "tokens"]
Client = flask.testing.FlaskClient


def create(client: Client, name: str, *scopes: str, **asked: Any) -> dict[str, Any]:
    response = client.post(TOKENS, json={"name": name, "scopes": scopes or ALL, **asked})
    assert response.status_code == 201, response.text
    assert response.json is not None
    made: dict[str, Any] = response.json
    return made


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json["code"]


def soon(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("name", ["ops", "Ops", "OPS"])
def test_only_its_owner_and_the_bootstrap_token_make_a_second_token_of_a_name(
    client: Client, app: flask.Flask, name: str
) -> None:
    owner = with_token(app, create(client, "ops")["token"])
    other = with_token(app, create(client, "other")["token"])
    taken = other.post(TOKENS, json={"name": name, "scopes": ["read"]})
    assert code(taken) == (409, "duplicate_name")
    second = create(owner, name, "tokens")
    assert second["created_by_id"] is not None
    assert code(owner.post(TOKENS, json={"name": "ops", "scopes": ["read"]})) == (
        409,
        "too_many_tokens",
    )
    assert owner.delete(f"{TOKENS}/{second['id']}").status_code == 200
    # The bootstrap token may create a second token of the name.
    create(client, name)
    assert code(other.post(TOKENS, json={"name": name, "scopes": ["read"]}))[0] == 409


def test_a_name_of_an_earlier_release_is_compared_like_any_other(
    client: Client, app: flask.Flask, database: Database
) -> None:
    """Earlier releases allowed trailing blanks and several blanks in a row."""
    other = with_token(app, create(client, "other")["token"])
    create(client, "old ops")
    with database.begin() as conn:
        conn.execute(text("UPDATE api_tokens SET name = 'Old  OPS ' WHERE name = 'old ops'"))
    taken = other.post(TOKENS, json={"name": "old ops", "scopes": ["read"]})
    assert code(taken) == (409, "duplicate_name")


def test_a_token_ends_with_the_one_that_made_it_at_the_latest(
    client: Client, app: flask.Flask
) -> None:
    ends = soon(hours=1)
    parent = create(client, "parent", expires_at=ends)
    maker = with_token(app, parent["token"])
    for asked in ({}, {"expires_at": None}, {"expires_at": ends}):
        child = create(maker, "child", "tokens", **asked)
        assert child["expires_at"] == ends
        grandchild = create(with_token(app, child["token"]), "grandchild", "tokens")
        assert grandchild["expires_at"] == ends
        for made in (child, grandchild):
            assert client.delete(f"{TOKENS}/{made['id']}").status_code == 200
    assert create(maker, "child", expires_at=soon(minutes=5))["expires_at"] < ends
    later = maker.post(TOKENS, json={"name": "x", "scopes": ["read"], "expires_at": soon(hours=2)})
    assert code(later) == (403, "insufficient_lifetime")
    assert create(client, "eternal")["expires_at"] is None


@pytest.mark.parametrize("at", ["2001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "now"])
def test_an_end_in_the_past_is_refused(client: Client, at: str) -> None:
    ends = soon(seconds=-1) if at == "now" else at
    answer = client.post(TOKENS, json={"name": "x", "scopes": ["read"], "expires_at": ends})
    assert code(answer) == (422, "invalid_request")
    assert answer.json is not None
    assert answer.json["errors"][0]["pointer"] == "/expires_at"


def test_a_token_revokes_only_what_allows_and_lasts_no_more(
    client: Client, app: flask.Flask
) -> None:
    keeper = create(client, "keeper", "tokens", "read", expires_at=soon(hours=1))
    limited = with_token(app, keeper["token"])
    more = create(client, "more", "read", "jobs", expires_at=soon(minutes=1))
    assert code(limited.delete(f"{TOKENS}/{more['id']}")) == (403, "insufficient_scope")
    for ends in ({}, {"expires_at": soon(hours=2)}):
        longer = create(client, f"longer{len(ends)}", "read", **ends)
        refused = limited.delete(f"{TOKENS}/{longer['id']}")
        assert code(refused) == (403, "insufficient_lifetime")
        assert client.get(f"{TOKENS}/{longer['id']}").json["live"]  # type: ignore[index]
    for ends in (soon(minutes=1), keeper["expires_at"]):
        less = create(client, "less", "read", expires_at=ends)
        assert limited.delete(f"{TOKENS}/{less['id']}").status_code == 200
    # A token may revoke itself.
    assert limited.delete(f"{TOKENS}/{keeper['id']}").status_code == 200
    assert limited.get(TOKENS).status_code == 401


def test_a_token_that_is_revoked_meanwhile_makes_no_other(
    client: Client, app: flask.Flask, database: Database
) -> None:
    parent = create(client, "parent")
    maker = with_token(app, parent["token"])
    answers: list[Any] = []
    asked = {"name": "child", "scopes": ["read"]}
    making = threading.Thread(target=lambda: answers.append(maker.post(TOKENS, json=asked)))
    with database.begin() as conn:
        conn.execute(text("UPDATE api_tokens SET revoked_at = now(), revoked_by = 'x'"))
        making.start()
        wait_until_blocked(database)
    making.join(10)
    assert code(answers[0]) == (401, "invalid_token")
    with database.begin() as conn:
        assert conn.execute(text("SELECT count(*) FROM api_tokens")).scalar_one() == 1


def test_rows_of_the_audit_log_carry_the_token_and_the_role(
    client: Client, app: flask.Flask, database: Database
) -> None:
    """The token ids distinguish two tokens of the same name."""
    first = create(client, "ops", "jobs", "read", "tokens")
    second = create(with_token(app, first["token"]), "ops", "jobs", "read")
    for made in (first, second):
        with_token(app, made["token"]).post("/api/admin/jobs", json={"subreddit": "python"})
        with_token(app, made["token"]).delete("/api/admin/jobs/9")
    listed = client.get("/api/admin/audit-log").json
    assert listed is not None
    rows = [(one["actor"], one["action"], one["token_id"]) for one in listed["items"]]
    assert rows == [
        ("ops", "refused", second["id"]),
        ("ops", "enqueue", second["id"]),
        ("ops", "refused", first["id"]),
        ("ops", "enqueue", first["id"]),
        ("ops", "create", first["id"]),
        ("bootstrap", "create", None),
    ]
    with database.begin() as conn:
        role = conn.exec_driver_sql("SELECT session_user").scalar_one()
    assert {one["db_role"] for one in listed["items"]} == {role}
    assert len({one["transaction_id"] for one in listed["items"]}) == len(rows)
    own = client.get(f"/api/admin/audit-log?token_id={second['id']}").json
    assert own is not None
    assert len(own["items"]) == 2
