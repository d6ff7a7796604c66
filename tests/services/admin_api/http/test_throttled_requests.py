"""When a token or a wrong token must wait, to a fraction of a second."""

from collections.abc import Callable

import flask
import pytest
import structlog

from admin_api.http import auth, state
from crawljobs.db.database import Database
from crawljobs.errors import DatabaseUnavailable
from support import admin_api
from support.counted import counted

JOBS = "/api/admin/jobs"
WRONG = {"Authorization": "Bearer wrong"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_wrong_token_waits_until_the_last_fraction_of_its_minute(
    make_app: Callable[..., flask.Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app("postgresql://nobody@127.0.0.1:1/none")
    clock = Clock()
    monkeypatch.setattr(state.of(app).failed_logins, "_clock", clock)
    stranger = app.test_client()
    with counted() as grown:
        for _ in range(10):
            answer = stranger.get(JOBS, headers=WRONG)
            assert (answer.status_code, "Retry-After" in answer.headers) == (401, False)
        for seconds, shown in ((0, "60"), (59.5, "1"), (0.25, "1")):
            clock.now += seconds
            answer = stranger.get(JOBS, headers=WRONG)
            assert (answer.status_code, answer.headers["Retry-After"]) == (429, shown)
            assert answer.get_json()["code"] == "too_many_failures"
        assert stranger.get(JOBS).status_code == 401  # no token is no guess
        clock.now += 0.25
        assert stranger.get(JOBS, headers=WRONG).get_json()["code"] == "invalid_token"
    failures = {name: number for name, number in grown.items() if "auth_failures" in name}
    assert failures == {
        "api_auth_failures_total{invalid_token}": 11,
        "api_auth_failures_total{too_many_failures}": 3,
        "api_auth_failures_total{missing_token}": 1,
    }


def test_a_token_waits_for_its_next_request(
    make_app: Callable[..., flask.Flask], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(database_url, ADMIN_API_REQUESTS_PER_SECOND="2")
    clock = Clock()
    monkeypatch.setattr(state.of(app).rates, "_clock", clock)
    asked = {"name": "one", "scopes": ["read"]}
    made = admin_api.with_token(app).post("/api/admin/tokens", json=asked).get_json()
    client = admin_api.with_token(app, made["token"])
    with counted() as grown:
        assert [client.get(f"{JOBS}/1").status_code for _ in range(3)] == [404, 404, 429]
        clock.now += 0.25
        assert client.get(f"{JOBS}/1").headers["Retry-After"] == "1"
        clock.now += 0.25
        assert client.get(f"{JOBS}/1").status_code == 404
    assert grown["api_throttled_total{requests}"] == 2


def test_a_database_that_cannot_write_still_serves_reads(
    app: flask.Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"name": "one", "scopes": ["read"]}
    made = admin_api.with_token(app).post("/api/admin/tokens", json=asked).get_json()

    def fail(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("read-only")

    monkeypatch.setattr(auth.token_authentication, "mark_used", fail)
    client = admin_api.with_token(app, made["token"])
    with structlog.testing.capture_logs() as logged:
        answer = client.get(f"{JOBS}", headers={"X-Request-Id": "mine"})
    assert answer.status_code == 200
    (line,) = [one for one in logged if one["event"] == "auth.last_used_update_failed"]
    assert (line["reason"], line["request_id"], line["log_level"]) == (
        "read-only",
        "mine",
        "warning",
    )


def test_the_first_use_of_a_token_is_noted(app: flask.Flask) -> None:
    boss = admin_api.with_token(app)
    made = boss.post("/api/admin/tokens", json={"name": "one", "scopes": ["read"]}).get_json()

    def last_used() -> object:
        (shown,) = boss.get("/api/admin/tokens").get_json()["items"]
        return shown["last_used_at"]

    assert last_used() is None
    assert admin_api.with_token(app, made["token"]).get(JOBS).status_code == 200
    first = last_used()
    assert first is not None
    assert admin_api.with_token(app, made["token"]).get(JOBS).status_code == 200
    assert last_used() == first  # a use that follows at once is not


def test_an_export_too_many_is_counted(app: flask.Flask) -> None:
    exports = state.of(app).exports
    while exports.begin("bootstrap", is_exempt=True):
        pass
    with counted() as grown:
        answer = admin_api.with_token(app).get("/api/admin/audit-log/export?format=jsonl")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert grown["api_throttled_total{exports}"] == 1
