"""The audit log records the first refused change of a token and only counts further ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import flask.testing
import httpx
import pytest
import structlog
from sqlalchemy import text

from admin_api.http import audit_refusals, refusal_counts, state
from admin_api.http.refusal_counts import KEYS_MAX, KEYS_PER_TOKEN, WINDOW_SECONDS, RefusalCounts
from admin_api.http.request.request_database import RequestDatabase
from crawljobs.db.database import Database
from crawljobs.domain.actor import Actor
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.operations import audit_log
from support import admin_api
from support.admin_api import with_token

JOBS = "/api/admin/jobs"
LOG = "/api/admin/audit-log"
Client = flask.testing.FlaskClient


@pytest.fixture
def app(make_app: Callable[..., flask.Flask], database_url: str) -> flask.Flask:
    """Return an application without a quota, because the tests send many requests per second."""
    return make_app(database_url, ADMIN_API_REQUESTS_PER_SECOND="0")


def token(client: Client, name: str, *scopes: str) -> str:
    response = client.post("/api/admin/tokens", json={"name": name, "scopes": scopes})
    assert response.json is not None, response.text
    made: str = response.json["token"]
    return made


def refused(database: Database) -> list[audit_log.AuditEntry]:
    with database.begin() as conn:
        found = audit_log.list_entries(conn, filters=audit_log.AuditFilter(action="refused"))
    return found.entries


def test_many_refusals_of_a_token_are_a_row_and_a_count(
    client: Client, app: flask.Flask, database: Database
) -> None:
    reader = with_token(app, token(client, "reader", "read"))
    for number in range(1, 301):
        assert reader.delete(f"{JOBS}/{number}").status_code == 403
    (first,) = refused(database)
    assert (first.resource_type, first.resource_id) == ("crawl_job", "1")
    audit_refusals.write_counts(state.of(app))
    assert len(refused(database)) == 1  # no count is written while its window is open
    audit_refusals.write_counts(state.of(app), include_open=True)
    counted, _ = refused(database)
    assert (counted.resource_type, counted.resource_id) == ("request", None)
    assert counted.after is not None
    assert (counted.after["count"], counted.after["code"]) == (299, "insufficient_scope")
    assert counted.after["since"] <= counted.after["until"]
    assert (counted.actor, counted.token_id) == (first.actor, first.token_id)
    audit_refusals.write_counts(state.of(app), include_open=True)
    assert len(refused(database)) == 2
    assert reader.delete(f"{JOBS}/1").status_code == 403
    assert len(refused(database)) == 3  # the first refusal in a new window gets a row again


def test_every_path_a_token_can_think_of_leaves_few_rows(
    client: Client, app: flask.Flask, database: Database
) -> None:
    reader = with_token(app, token(client, "reader", "read"))
    sent = 0
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & audit_refusals.CHANGING_METHODS):
            for json in ({}, {"x": 1}):
                path = admin_api.example_path(rule)
                assert reader.open(path, method=method, json=json).status_code >= 400
                sent += 1
    assert sent > 2 * KEYS_PER_TOKEN
    audit_refusals.write_counts(state.of(app), include_open=True)
    rows = refused(database)
    assert len(rows) <= 2 * (KEYS_PER_TOKEN + 1)
    assert sum((row.after or {}).get("count", 1) for row in rows) == sent


def test_refusals_do_not_push_changes_out_of_the_page_of_a_job(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "SCAN_LIMIT", 100)
    client.post(JOBS, json={"subreddit": "python"})
    # Earlier releases wrote one row for each refusal.
    with database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO admin_audit_log (actor, action, resource_type, resource_id) "
                "SELECT 'reader', 'refused', 'crawl_job', '1' FROM generate_series(1, 500)"
            )
        )
    shown = client.get(f"{JOBS}/1").json
    assert shown is not None
    assert [entry["action"] for entry in shown["audit_log"]] == ["enqueue"]


def test_a_refusal_that_could_not_be_written_is_not_counted_as_written(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise DatabaseUnavailable("read-only")

    with monkeypatch.context() as away, structlog.testing.capture_logs() as told:
        away.setattr(RequestDatabase, "in_own_transaction", fails)
        headers = {"X-Request-Id": "mine"}
        assert client.delete(f"{JOBS}/7", headers=headers).status_code == 404
    (line,) = [line for line in told if line["event"] == "audit.write_failed"]
    assert (line["log_level"], line["reason"], line["request_id"]) == (
        ("warning", "read-only", "mine")
    )
    assert refused(database) == []
    assert client.delete(f"{JOBS}/8").status_code == 404
    assert [row.resource_id for row in refused(database)] == ["8"]


def test_refused_and_done_changes_of_a_subreddit_have_the_same_resource(
    client: Client, database: Database
) -> None:
    client.post(JOBS, json={"subreddit": "Python"})
    path = "/api/admin/subreddits"
    for gap, name in enumerate(("python", "PYTHON", "1"), start=2):
        changed = client.patch(f"{path}/{name}", json={"min_request_gap_seconds": gap})
        assert changed.status_code == 200, changed.text
    assert client.patch(f"{path}/pYthon", json={"min_request_gap_seconds": -1}).status_code == 422
    assert client.post(f"{path}/never_seen/enqueue", json={}).status_code == 404
    with database.begin() as conn:
        rows = audit_log.list_entries(
            conn, filters=audit_log.AuditFilter(resource_type="subreddit")
        ).entries
    assert [(row.action, row.resource_id) for row in rows] == [
        ("refused", None),
        ("refused", "1"),
        *[("set_politeness", "1")] * 3,
    ]
    assert (rows[0].after or {})["path"] == f"{path}/never_seen/enqueue"


def test_a_refused_change_is_recorded_with_the_id_of_its_resource_however_it_was_named(
    client: Client, database: Database
) -> None:
    client.post(JOBS, json={"subreddit": "Python"})
    admin, token_id = "/api/admin", "00000000beef"
    for method, path in (
        ("PATCH", f"{admin}/subreddits/1"),
        ("PATCH", f"{admin}/subreddits/PYTHON"),
        ("POST", f"{JOBS}/77/boost"),
        ("PUT", f"{admin}/scheduled-jobs/88"),
        ("DELETE", f"{admin}/tokens/{token_id}"),
    ):
        answer = client.open(path, method=method, json={"unknown": 1}, headers={"If-Match": "*"})
        assert 400 <= answer.status_code < 500, answer.text
    assert [(row.resource_type, row.resource_id) for row in reversed(refused(database))] == [
        ("subreddit", "1"),
        ("crawl_job", "77"),
        ("scheduled_job", "88"),
        ("api_token", token_id),
    ]


def test_who_may_only_read_sees_no_addresses_in_the_page_of_a_job(
    client: Client, app: flask.Flask
) -> None:
    client.post(JOBS, json={"subreddit": "python"})
    hidden = ("peer_address", "client_address", "request_id", "token_id", "db_role")
    for scopes, sees in ((["read"], False), (["read", "audit"], True)):
        reader = with_token(app, token(client, f"r{len(scopes)}", *scopes))
        shown = reader.get(f"{JOBS}/1").json
        assert shown is not None
        (entry,) = shown["audit_log"]
        assert (entry["actor"], entry["action"]) == ("bootstrap", "enqueue")
        assert [entry[name] is not None for name in hidden] == [sees, sees, sees, False, sees]
        assert ("127.0.0.1" in str(shown)) == sees


def test_without_read_no_job_is_listed_by_a_bulk_change(client: Client, app: flask.Flask) -> None:
    client.post(JOBS, json={"subreddit": "python"})
    changer = with_token(app, token(client, "changer", "jobs"))
    both = with_token(app, token(client, "both", "jobs", "read"))
    ids, chosen = {"job_ids": [1]}, {"filter": {"subreddit": "python"}}
    for path, more in (("cancel", {}), ("retry", {}), ("boost", {"boost": 1})):
        for body in (
            {**ids, "dry_run": True},
            {**chosen, "dry_run": True},
            {**chosen, "expected_count": 7},
        ):
            answer = changer.post(f"{JOBS}/bulk/{path}", json={**body, **more})
            assert answer.status_code == 403, answer.text
            assert 'scope="read"' in answer.headers["WWW-Authenticate"]
            assert "python" not in answer.text
        answer = both.post(f"{JOBS}/bulk/{path}", json={**ids, "dry_run": True, **more})
        assert answer.status_code in (200, 207)
    status = {**chosen, "status": "cancelled", "dry_run": True}
    assert changer.put(f"{JOBS}/bulk/status", json=status).status_code == 403
    assert changer.post(f"{JOBS}/bulk/cancel", json=ids).status_code == 200


def test_a_process_that_ends_writes_what_it_has_counted(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    server = admin_api.start_gunicorn(tmp_path, database_url, ADMIN_API_WORKERS="1")
    try:
        with server.client() as http:
            for number in range(1, 8):
                answer: httpx.Response = http.delete(f"{JOBS}/{number}")
                assert answer.status_code == 404
    finally:
        server.stop()
    counted, first = refused(database)
    assert (first.resource_id, (counted.after or {})["count"]) == ("1", 6)


def actor(number: int) -> Actor:
    return Actor(name=f"t{number}", token_id=f"{number:012x}")


def note(counts: RefusalCounts, number: int = 1, path: str = "/a") -> Any:
    return counts.opens_window(actor(number), ("POST", path, "not_found"), 404)


def test_windows_end_and_counts_are_bounded_and_handed_out_once() -> None:
    now = [0.0]
    counts = RefusalCounts(clock=lambda: now[0])
    assert [note(counts) is None for _ in range(4)] == [False, True, True, True]
    assert counts.pop_finished() == []
    now[0] = WINDOW_SECONDS
    (counted,) = counts.pop_finished()
    assert counted.count == 3
    assert counts.pop_finished() == []
    counts.put_back([counted])
    assert counts.pop_finished() == [counted]
    for number in range(KEYS_MAX + 500):
        note(counts, number)
        note(counts, number)
    assert len(counts._windows) <= KEYS_MAX
    assert sum(one.count for one in counts.pop_finished(include_open=True)) == KEYS_MAX + 500
    for number in range(500):
        note(counts, path=f"/{number}")
    assert len(counts._windows) <= KEYS_PER_TOKEN + 1
    assert refusal_counts.OTHERS in {key.request for key in counts._windows}
