"""The liveness probe succeeds without the database. The readiness probe needs the database."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database

Client = flask.testing.FlaskClient


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Yield a port that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_process_is_healthy_without_a_database(offline: Client) -> None:
    stranger = offline.application.test_client()
    response = stranger.get("/healthz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_the_process_is_ready_with_a_migrated_database(app: flask.Flask) -> None:
    response = app.test_client().get("/readyz")
    assert (response.status_code, response.json) == (200, {"status": "ready"})


def test_it_is_not_ready_when_the_database_refuses(offline: Client) -> None:
    response = offline.application.test_client().get("/readyz")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert response.json is not None
    assert response.json["code"] == "database_unavailable"
    assert "5432" not in response.text.replace(response.json["request_id"], "")


def test_it_says_so_within_two_seconds_when_the_database_is_silent(
    make_app: Any, silent_port: int
) -> None:
    app = make_app(f"postgresql://nobody@127.0.0.1:{silent_port}/none?connect_timeout=3")
    started = time.monotonic()
    for _ in range(2):
        response = app.test_client().get("/readyz")
        assert response.status_code == 503
    assert time.monotonic() - started < 4
    assert app.test_client().get("/healthz").status_code == 200


def test_it_is_not_ready_on_a_schema_it_does_not_know(app: flask.Flask, database: Database) -> None:
    with database.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        conn.execute(text("COMMENT ON TABLE alembic_version IS NULL"))
    response = app.test_client().get("/readyz")
    assert response.status_code == 503
    assert response.json is not None
    assert response.json["code"] == "unknown_schema"


def test_it_is_not_ready_on_an_empty_database(make_app: Any, empty_database_url: str) -> None:
    response = make_app(empty_database_url).test_client().get("/readyz")
    assert response.status_code == 503
    assert response.json is not None
    assert response.json["code"] == "unknown_schema"


def test_requests_get_503_while_the_database_is_down(offline: Client) -> None:
    for method, path in (
        ("GET", "/api/admin/jobs"),
        ("GET", "/api/admin/jobs/1"),
        ("GET", "/api/admin/jobs/stats"),
        ("GET", "/api/admin/scheduled-jobs"),
        ("GET", "/api/admin/scheduled-jobs/1"),
    ):
        response = offline.open(path, method=method)
        assert response.status_code == 503, path
        assert int(response.headers["Retry-After"]) > 0
    response = offline.post("/api/admin/jobs", json={"subreddit": "python"})
    assert response.status_code == 503
