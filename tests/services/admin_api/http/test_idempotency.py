"""A request repeated with its Idempotency-Key has no second effect and gets the first response."""

from typing import Any

import flask
import flask.testing
import pytest
import structlog
from sqlalchemy import text

from admin_api.http import state
from crawljobs.db.database import Database
from crawljobs.domain.job_filter import JobFilter
from crawljobs.repository.operations import audit_log, idempotency_keys
from crawljobs.repository.queue import job_list
from support.admin_api import with_token
from support.counted import counted

JOBS = "/api/admin/jobs"
BODY = {"subreddit": "python"}
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
Client = flask.testing.FlaskClient


def counts(database: Database) -> tuple[int, int, int]:
    """Return the numbers of jobs, audit rows and idempotency keys."""
    with database.begin() as conn:
        jobs = len(job_list.list_jobs(conn, filters=JobFilter()).jobs)
        entries = len(audit_log.list_entries(conn).entries)
        keys = conn.execute(text("SELECT count(*) FROM idempotency_keys")).scalar_one()
    return jobs, entries, keys


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json["code"]


def test_a_repeated_request_has_one_effect_and_gets_the_first_answer(
    client: Client, database: Database
) -> None:
    first = client.post(JOBS, json=BODY, headers=KEY)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    client.post(f"{JOBS}/1/boost", json={"boost": 10})
    again = client.post(JOBS, json=BODY, headers={"Idempotency-Key": f'"{KEY["Idempotency-Key"]}"'})
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert counts(database) == (1, 2, 1)


def test_a_key_with_another_request_is_refused(client: Client) -> None:
    client.post(JOBS, json=BODY, headers=KEY)
    other = client.post(JOBS, json={"subreddit": "golang"}, headers=KEY)
    assert code(other) == (422, "key_reused")


def test_keys_of_other_routes_and_other_tokens_are_other_keys(
    client: Client, app: flask.Flask, database: Database
) -> None:
    client.post(JOBS, json=BODY, headers=KEY)
    assert client.post("/api/crawl", json={"subreddit": "rust"}, headers=KEY).status_code == 201
    made = client.post("/api/admin/tokens", json={"name": "robot", "scopes": ["jobs"]}).json
    assert made is not None
    robot = with_token(app, made["token"])
    assert robot.post(JOBS, json={"subreddit": "golang"}, headers=KEY).status_code == 201
    assert counts(database) == (3, 4, 3)


def test_keys_of_two_tokens_of_one_name_are_two_keys(
    client: Client, app: flask.Flask, database: Database
) -> None:
    """Neither token gets the other's response, whether the bodies are equal or different."""
    asked = {"name": "robot", "scopes": ["jobs"]}
    robots = [client.post("/api/admin/tokens", json=asked).json for _ in range(2)]
    old, new = (with_token(app, robot["token"]) for robot in robots if robot is not None)
    assert old.post(JOBS, json=BODY, headers=KEY).status_code == 201
    other = new.post(JOBS, json={"subreddit": "golang"}, headers=KEY)
    assert (other.status_code, other.headers.get("Idempotency-Replayed")) == (201, None)
    again = {"Idempotency-Key": "another"}
    assert old.post(JOBS, json={"subreddit": "rust"}, headers=again).status_code == 201
    merged = new.post(JOBS, json={"subreddit": "rust"}, headers=again)
    assert (merged.status_code, merged.headers.get("Idempotency-Replayed")) == (200, None)
    assert counts(database) == (3, 6, 4)


def test_a_refusal_is_not_kept(client: Client, database: Database) -> None:
    path = f"{JOBS}/1/retry"
    assert code(client.post(path, headers=KEY)) == (404, "not_found")
    made = client.post(JOBS, json=BODY).json
    assert made is not None
    assert code(client.post(path, headers=KEY)) == (409, "illegal_transition")
    client.post(f"{JOBS}/1/cancel")
    assert client.post(path, headers=KEY).status_code == 200
    replayed = client.post(path, headers=KEY)
    assert (replayed.status_code, replayed.headers["Idempotency-Replayed"]) == (200, "true")


def test_a_request_that_is_under_way_is_not_begun_twice(client: Client, database: Database) -> None:
    scope, key = f"bootstrap POST {JOBS}", KEY["Idempotency-Key"]
    # This transaction stands for a first request that still runs.
    with database.begin() as conn:
        assert idempotency_keys.take(conn, scope=scope, key=key)
        second = client.post(JOBS, json=BODY, headers=KEY)
        assert code(second) == (409, "key_in_progress")
        assert int(second.headers["Retry-After"]) > 0
        other = client.post(JOBS, json=BODY, headers={"Idempotency-Key": "other"})
        assert other.status_code == 201
    assert client.post(JOBS, json=BODY, headers=KEY).status_code == 200


def test_an_answer_that_holds_a_secret_is_never_stored(client: Client, database: Database) -> None:
    body = {"name": "robot", "scopes": ["read"]}
    first = client.post("/api/admin/tokens", json=body, headers=KEY)
    assert first.status_code == 201
    assert first.json is not None
    again = client.post("/api/admin/tokens", json=body, headers=KEY)
    assert code(again) == (409, "answer_not_kept")
    with database.begin() as conn:
        rows = conn.execute(text("SELECT k::text FROM idempotency_keys AS k")).scalars().all()
        assert conn.execute(text("SELECT count(*) FROM api_tokens")).scalar_one() == 1
    assert len(rows) == 1
    assert first.json["token"][-43:] not in rows[0]


def test_what_cannot_be_kept_does_not_happen(client: Client, database: Database) -> None:
    with database.begin() as conn:
        conn.execute(text("ALTER TABLE idempotency_keys ADD CONSTRAINT no CHECK (status = 0)"))
    # Captured, because it takes long to print the traceback.
    with structlog.testing.capture_logs():
        assert client.post(JOBS, json=BODY, headers=KEY).status_code == 500
    assert counts(database) == (0, 0, 0)


@pytest.mark.parametrize("key", ["", " ", '""', "a b", "x" * 256, "é"])
def test_a_key_that_is_none_is_refused(client: Client, key: str) -> None:
    response = client.post(JOBS, json=BODY, headers={"Idempotency-Key": key})
    assert code(response) == (422, "invalid_request")


def test_a_bulk_answer_is_repeated_whole(client: Client) -> None:
    client.post(JOBS, json=BODY)
    asked = {"job_ids": [1, 2]}
    first = client.post(f"{JOBS}/bulk/cancel", json=asked, headers=KEY)
    assert first.status_code == 207
    again = client.post(f"{JOBS}/bulk/cancel", json=asked, headers=KEY)
    assert (again.status_code, again.json) == (207, first.json)


def test_the_answer_to_a_token_is_repeated_too(client: Client, app: flask.Flask) -> None:
    made = client.post("/api/admin/tokens", json={"name": "robot", "scopes": ["jobs"]}).json
    assert made is not None
    robot = with_token(app, made["token"])
    first = robot.post(JOBS, json=BODY, headers=KEY)
    again = robot.post(JOBS, json=BODY, headers=KEY)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_token_without_room_waits_and_the_operator_does_not(
    client: Client, app: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client.post("/api/admin/tokens", json={"name": "robot", "scopes": ["jobs"]}).json
    assert made is not None
    stored = state.of(app).stored_responses
    monkeypatch.setattr(stored, "seconds_until_room", lambda _token: 0.5)
    with counted() as grown:
        refused = with_token(app, made["token"]).post(JOBS, json=BODY, headers=KEY)
        assert code(refused) == (429, "too_many_keys")
        assert refused.headers["Retry-After"] == "1"
        assert client.post(JOBS, json=BODY, headers=KEY).status_code == 201
    assert grown["api_throttled_total{answers}"] == 1


@pytest.mark.parametrize("key", ["!", "x" * 255, "~", '"quoted"'])
def test_a_key_has_1_to_255_visible_characters(client: Client, key: str) -> None:
    assert client.post(JOBS, json=BODY, headers={"Idempotency-Key": key}).status_code == 201
