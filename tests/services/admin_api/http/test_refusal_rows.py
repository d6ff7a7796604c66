"""Which responses leave a row of a refused change, and when the counts are written."""

import threading

import flask
import flask.testing
import pytest
import structlog

from admin_api.http import audit_refusals, state
from admin_api.http.audit_refusals import RefusalWriter
from admin_api.http.refusal_counts import RefusalCounts
from admin_api.http.request.request_database import RequestDatabase
from crawljobs.db.database import Database
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.operations import audit_log
from support.counted import counted
from support.waiting import wait_until

JOBS = "/api/admin/jobs"
Client = flask.testing.FlaskClient


def rows(database: Database) -> list[audit_log.AuditEntry]:
    with database.begin() as conn:
        found = audit_log.list_entries(conn, filters=audit_log.AuditFilter(action="refused"))
    return found.entries


def refuse_twice(client: Client) -> None:
    for number in (7, 8):
        assert client.delete(f"{JOBS}/{number}").status_code == 404


def test_the_statuses_from_400_to_499_are_refusals(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Except 429, because a row for each of these requests would add load."""
    unchecked = Client(client.application, client.application.response_class)
    headers = {"Authorization": client.environ_base["HTTP_AUTHORIZATION"]}
    statuses = [200, 399, 400, 429, 499, 500]

    def cancel(job_id: int) -> flask.Response:
        body = flask.json.dumps({"code": f"odd_{job_id}"})
        return flask.Response(body, job_id, mimetype="application/problem+json")

    monkeypatch.setitem(client.application.view_functions, "changes of jobs.cancel_job", cancel)
    with counted() as grown:
        for status in statuses:
            answer = unchecked.post(f"{JOBS}/{status}/cancel", headers=headers)
            assert answer.status_code == status
    assert [(row.resource_id, row.after) for row in reversed(rows(database))] == [
        (
            str(status),
            {
                "method": "POST",
                "path": f"{JOBS}/{status}/cancel",
                "status": status,
                "code": f"odd_{status}",
            },
        )
        for status in (400, 499)
    ]
    refused = {name: number for name, number in grown.items() if "api_refusals" in name}
    assert refused == {"api_refusals_total{odd_400}": 1, "api_refusals_total{odd_499}": 1}


def test_reads_unknown_paths_and_strangers_leave_no_row(client: Client, database: Database) -> None:
    assert client.get(f"{JOBS}/7").status_code == 404
    assert client.post("/nowhere").status_code == 404
    assert client.application.test_client().delete(f"{JOBS}/7").status_code == 401
    assert rows(database) == []


def test_counts_that_could_not_be_written_are_kept(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseUnavailable("read-only")

    own = state.of(client.application)
    refuse_twice(client)
    with monkeypatch.context() as away, structlog.testing.capture_logs() as logged:
        away.setattr(RequestDatabase, "in_own_transaction", fail)
        audit_refusals.write_counts(own, include_open=True)
    assert logged == [
        {"event": "audit.write_failed", "log_level": "warning", "reason": "read-only", "rows": 1}
    ]
    assert len(rows(database)) == 1
    audit_refusals.write_counts(own)
    assert (rows(database)[0].after or {})["count"] == 1


def test_a_writer_that_stops_has_written_all_counts(client: Client, database: Database) -> None:
    writer = RefusalWriter(state.of(client.application))
    writer.start()
    refuse_twice(client)
    assert len(rows(database)) == 1
    writer.stop()
    assert "refusals" not in {thread.name for thread in threading.enumerate()}
    assert (rows(database)[0].after or {})["count"] == 1


def test_a_writer_that_never_started_can_stop(client: Client) -> None:
    RefusalWriter(state.of(client.application)).stop()


def test_a_writer_writes_the_counts_of_ended_windows_and_holds_no_process(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_refusals, "CHECK_INTERVAL_SECONDS", 0.01)
    now = [0.0]
    own = state.of(client.application)
    monkeypatch.setattr(own.refusals, "_clock", lambda: now[0])
    assert isinstance(own.refusals, RefusalCounts)
    writer = RefusalWriter(own)
    writer.start()
    try:
        (thread,) = [one for one in threading.enumerate() if one.name == "refusals"]
        assert thread.daemon
        refuse_twice(client)
        now[0] = 600.0
        wait_until(lambda: len(rows(database)) == 2, timeout=10, describe="the count")
    finally:
        writer.stop()
