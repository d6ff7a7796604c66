"""create_app() adds all parts of the application. If one part is missing, only its test fails."""

import time
from collections.abc import Callable, Iterator

import flask.testing
import pytest
import structlog
from sqlalchemy import text

from admin_api import app as application
from admin_api.http import security_headers, state
from crawljobs.db import call_deadline
from crawljobs.db.database import Database
from crawljobs.db.timeouts import EXPORT_TIMEOUTS, INTERACTIVE_TIMEOUTS, PROBE_TIMEOUTS
from crawljobs.repository.operations import audit_log
from support.admin_api import TOKEN, CheckedClient, openapi_document, with_token
from support.counted import counted

JOBS = "/api/admin/jobs"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
Create = Callable[..., flask.Flask]


@pytest.fixture
def create(database_url: str) -> Iterator[Create]:
    """Yield a function that creates new applications with their own hooks."""
    made: list[flask.Flask] = []

    def create_one(**variables: str) -> flask.Flask:
        given = {"ADMIN_API_TOKEN": TOKEN, "DATABASE_URL": database_url, **variables}
        made.append(application.create_app(given))
        made[-1].test_client_class = CheckedClient
        return made[-1]

    yield create_one
    for one in made:
        state.of(one).close()


def test_every_answer_has_the_security_headers_and_its_id(create: Create) -> None:
    client = create().test_client()
    for path in ("/healthz", "/docs", "/docs/static/docs.js", "/nothing", JOBS):
        headers = client.get(path, headers={"X-Request-Id": "mine"}).headers
        assert headers["X-Request-Id"] == "mine", path
        for name, value in security_headers.HEADERS.items():
            assert headers[name] == value, path


def test_no_path_is_open_without_a_token(create: Create) -> None:
    client = create().test_client()
    answer = client.get(JOBS)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert client.get("/nothing").status_code == 401
    assert client.get(JOBS, headers=HEADERS).status_code == 200


def test_a_token_may_do_only_what_its_scopes_allow(create: Create) -> None:
    app = create()
    owner = with_token(app)
    made = owner.post("/api/admin/tokens", json={"name": "reader", "scopes": ["read"]})
    reader = with_token(app, made.get_json()["token"])
    assert reader.get(JOBS).status_code == 200
    assert reader.post(JOBS, json={"subreddit": "python"}).status_code == 403


def test_a_refused_change_is_in_the_audit_log(create: Create, database: Database) -> None:
    assert with_token(create()).post(JOBS, json={}).status_code == 422
    with database.begin() as conn:
        (entry,) = audit_log.list_entries(conn).entries
    assert (entry.action, entry.resource_type, entry.actor) == ("refused", "request", "bootstrap")


def test_an_error_of_a_view_is_a_problem_and_a_stray_parameter_too(create: Create) -> None:
    app = create()
    client = with_token(app)
    assert client.get(f"{JOBS}/1").get_json()["code"] == "not_found"
    assert client.get(f"{JOBS}/stats?limit=1").get_json()["code"] == "unknown_parameter"
    assert client.get(f"{JOBS}?wrong=1").get_json()["code"] == "unknown_parameter"
    app.view_functions["jobs.show_job"] = lambda **_: 1 // 0
    answer = client.get(f"{JOBS}/1")
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal_error")


def test_a_body_is_refused_where_none_is_declared_and_a_long_one_unread(create: Create) -> None:
    client = with_token(create())
    answer = client.get(JOBS, data=b" " * (64 * 1024 + 1), content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")
    answer = client.get(JOBS, data=b" " * 64 * 1024, content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "unexpected_body")


def test_a_request_is_logged_and_counted_but_a_probe_is_not_logged(create: Create) -> None:
    app = create()
    # CheckedClient reads the document too. Read it before requests are counted.
    openapi_document(app)
    client = with_token(app)
    with structlog.testing.capture_logs() as logged, counted() as grown:
        client.get(f"{JOBS}?limit=7", headers={"X-Request-Id": "mine"})
        client.get("/healthz")
    (line,) = [one for one in logged if one["event"] == "http.request"]
    assert 0 <= line.pop("milliseconds") < 60_000
    assert line == {
        "event": "http.request",
        "log_level": "info",
        "method": "GET",
        "path": JOBS,
        "status": 200,
        "actor": "bootstrap",
        "request_id": "mine",
    }
    assert grown == {
        f"http_request_duration_seconds_count{{{JOBS},GET,200}}": 1,
        "http_request_duration_seconds_count{/healthz,GET,200}": 1,
    }


def test_a_job_continues_the_trace_of_the_request(create: Create, database: Database) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with_token(create()).post(
        JOBS,
        json={"subreddit": "python"},
        headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"},
    )
    with database.begin() as conn:
        kept = conn.execute(text("SELECT traceparent FROM crawl_jobs")).scalar_one()
    assert kept.split("-")[1] == trace


def test_the_deadline_of_a_request_begins_with_it_and_ends_with_it(create: Create) -> None:
    app = create()
    seen: list[float] = []
    app.before_request_funcs.setdefault(None, []).append(
        lambda: seen.append(call_deadline.until() - time.monotonic())
    )
    # Runs directly after the view, because Flask calls these functions in the reverse order of
    # their registration.
    during: list[float] = []
    app.after_request_funcs.setdefault(None, []).append(
        lambda response: during.append(call_deadline.until()) or response
    )
    assert with_token(app).get(JOBS).status_code == 200
    assert 9 < seen[0] <= 10
    assert during[0] != float("inf")
    assert call_deadline.until() == float("inf")


def test_fields_stay_in_order_and_slashes_are_not_merged(create: Create) -> None:
    app = create()
    client = with_token(app)
    keys = list(client.post(JOBS, json={"subreddit": "python"}).get_json())
    assert keys == ["result", "job"]
    assert client.get("/api//admin/jobs").status_code == 404


def test_pools_and_quotas_are_as_large_as_the_settings_say(create: Create) -> None:
    app = create(
        ADMIN_API_THREADS="6",
        ADMIN_API_REQUESTS_PER_SECOND="3",
        ADMIN_API_EXPORTS_AT_ONCE="2",
        ADMIN_API_KEPT_ANSWERS_MIB="5",
        MAX_RETRIES="7",
    )
    own = state.of(app)
    assert own.max_retries == 7
    assert own.exports._in_total == 3
    assert own.exports.per_token == 2
    assert own.stored_responses._per_day == 5 * 1024 * 1024
    assert own.rates._per_second == 3
    requests, probes = own.database._database, own.readiness._database
    assert (requests._limits, probes._limits) == (INTERACTIVE_TIMEOUTS, PROBE_TIMEOUTS)
    assert (requests._engine.pool.size(), probes._engine.pool.size()) == (6, 1)
    assert (own.content_exports.per_token, own.content_exports.at_most) == (1, 1)
    exports = own.content_database
    assert (exports._limits, exports._engine.pool.size()) == (EXPORT_TIMEOUTS, 1)
    compared = {"exports_at_once": 2, "kept_answers_mib": 5, "requests_per_second": 3}
    assert own.heartbeat._details() == {"threads": 6, "settings": compared}
    assert (own.heartbeat._role, own.heartbeat._name.split("@")[0]) == ("admin-api", "admin-api")
    assert state.of(create(ADMIN_API_THREADS="1")).exports._in_total == 1
    many = state.of(create(ADMIN_API_THREADS="16", EXPORT_STREAMS="3"))
    assert (many.content_exports.per_token, many.content_exports.at_most) == (2, 3)
