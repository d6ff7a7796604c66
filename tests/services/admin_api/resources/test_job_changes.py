"""Operators change, retry, cancel and delete one job over HTTP."""

from collections.abc import Callable
from typing import Any

import flask.testing
import pytest

from crawljobs.db.database import Database
from crawljobs.domain.job import FINAL, LIVE, JobStatus
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_reads
from support import jobs as factory

JOBS = "/api/admin/jobs"
Client = flask.testing.FlaskClient
S = JobStatus

# verb: (method, path, body, allowed statuses, new status or None for the old one, audit action)
VERBS: dict[str, tuple[str, str, Any, frozenset[JobStatus], JobStatus | None, str]] = {
    "boost": ("POST", "/boost", {"boost": 20}, LIVE, None, "boost"),
    "priority": ("PUT", "/priority", {"priority": 90}, LIVE, None, "change_priority"),
    "retry": ("POST", "/retry", None, FINAL, S.QUEUED, "retry"),
    "wake": ("POST", "/wake", None, frozenset({S.WAITING}), S.QUEUED, "wake"),
    "cancel": ("POST", "/cancel", None, LIVE, S.CANCELLED, "cancel"),
    "give_up": ("POST", "/give_up", None, LIVE, S.FAILED, "give_up"),
    "status cancelled": ("PUT", "/status", {"status": "cancelled"}, LIVE, S.CANCELLED, "cancel"),
    "status failed": ("PUT", "/status", {"status": "failed"}, LIVE, S.FAILED, "give_up"),
    "delete": ("DELETE", "", None, FINAL, None, "delete"),
}


def made(database: Database, status: JobStatus, name: str) -> int:
    with database.begin() as conn:
        return factory.in_status(conn, status, name)


def newest_entry(database: Database) -> audit_log.AuditEntry:
    with database.begin() as conn:
        return audit_log.list_entries(conn, limit=1).entries[0]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_works_where_a_transition_leads_and_nowhere_else(
    client: Client, database: Database, verb: str
) -> None:
    method, path, body, allowed, result, action = VERBS[verb]
    # The first refusal of a token writes an audit row. Further refusals are only counted.
    is_counted = False
    for status in sorted(JobStatus, key=lambda one: one is S.QUEUED):
        job_id = made(database, status, f"in_{status}")
        response = client.open(f"{JOBS}/{job_id}{path}", method=method, json=body)
        entry = newest_entry(database)
        if not is_counted or status in allowed:
            assert (entry.resource_type, entry.resource_id) == ("crawl_job", str(job_id))
        with database.begin() as conn:
            job = job_reads.get_job(conn, job_id=job_id)
        if status not in allowed:
            assert response.status_code == 409, response.text
            assert response.json is not None
            assert response.json["code"] == "illegal_transition"
            assert status in response.json["detail"]
            assert is_counted or entry.action == "refused"
            is_counted = True
            assert job is not None
            assert job.status is status
            continue
        assert response.status_code in (200, 204), response.text
        assert entry.action == action
        assert entry.before is not None
        assert entry.before["status"] == status
        if verb == "delete":
            assert (job, entry.after) == (None, None)
            continue
        assert job is not None
        assert entry.after is not None
        assert response.json is not None
        assert response.json["status"] == job.status == entry.after["status"]
        assert job.status is (result or status)
        # Without this job, the next claim takes the job of the next status.
        if job.status is S.QUEUED:  # otherwise a later claim could take this job
            assert client.post(f"{JOBS}/{job_id}/cancel").status_code == 200


def test_setting_a_job_to_queued_retries_or_wakes_it(client: Client, database: Database) -> None:
    for status, action in ((S.WAITING, "wake"), (S.FAILED, "retry"), (S.CANCELLED, "retry")):
        job_id = made(database, status, f"in_{status}")
        response = client.put(f"{JOBS}/{job_id}/status", json={"status": "queued"})
        assert response.status_code == 200
        assert newest_entry(database).action == action
    again = client.put(f"{JOBS}/{job_id}/status", json={"status": "queued"})
    assert again.status_code == 409


@pytest.mark.parametrize("status", ["crawling", "succeeded", "success", "waiting", "blocked", ""])
def test_nobody_sets_crawling_or_succeeded_by_hand(offline: Client, status: str) -> None:
    assert offline.put(f"{JOBS}/1/status", json={"status": status}).status_code == 422


def test_priorities_stay_within_their_bounds(client: Client, database: Database) -> None:
    job_id = made(database, S.QUEUED, "python")
    boosted = client.post(f"{JOBS}/{job_id}/boost", json={"boost": 100}).json
    assert boosted is not None
    assert (boosted["priority"], boosted["base_priority"]) == (100, 100)
    for path, body in (
        ("boost", {"boost": 0}),
        ("boost", {"boost": 101}),
        ("boost", {"boost": "20"}),
        ("boost", {}),
        ("priority", {"priority": -1}),
        ("priority", {"priority": 101}),
    ):
        send = client.post if path == "boost" else client.put
        assert send(f"{JOBS}/{job_id}/{path}", json=body).status_code == 422


def test_a_retry_names_the_live_job_in_its_way(client: Client, database: Database) -> None:
    failed, live = made(database, S.FAILED, "python"), made(database, S.QUEUED, "python")
    response = client.post(f"{JOBS}/{failed}/retry")
    assert response.status_code == 409
    assert response.json is not None
    assert response.json["code"] == "live_job_exists"
    assert str(live) in response.json["detail"]


def test_every_verb_knows_404(client: Client) -> None:
    for method, path, body, *_ in VERBS.values():
        response = client.open(f"{JOBS}/999{path}", method=method, json=body)
        assert response.status_code == 404, path


def test_a_change_of_what_somebody_else_changed_is_refused(
    client: Client, database: Database
) -> None:
    job_id = made(database, S.QUEUED, "python")
    read = client.get(f"{JOBS}/{job_id}").headers["ETag"]
    assert client.get(f"{JOBS}/{job_id}").headers["ETag"] == read
    match = {"If-Match": read}
    first = client.post(f"{JOBS}/{job_id}/boost", json={"boost": 1}, headers=match)
    assert first.status_code == 200
    assert first.headers["ETag"] != read
    late = client.post(f"{JOBS}/{job_id}/cancel", headers=match)
    assert late.status_code == 412
    assert late.json is not None
    assert late.json["code"] == "precondition_failed"
    now = {"If-Match": first.headers["ETag"]}
    assert client.post(f"{JOBS}/{job_id}/cancel", headers=now).status_code == 200


def test_a_job_shows_what_operators_did_to_it(client: Client, database: Database) -> None:
    job_id = made(database, S.QUEUED, "python")
    client.post(f"{JOBS}/{job_id}/boost", json={"boost": 5})
    client.post(f"{JOBS}/{job_id}/retry")  # the change was refused, so the job does not list it
    shown = client.get(f"{JOBS}/{job_id}").json
    assert shown is not None
    assert [entry["action"] for entry in shown["audit_log"]] == ["boost"]


def test_a_cancelled_crawl_loses_its_claim(
    client: Client, database: Database, make_app: Callable[..., Any]
) -> None:
    with database.begin() as conn:
        claim = factory.crawling(conn)
    assert client.post(f"{JOBS}/{claim.job_id}/cancel").status_code == 200
    shown = client.get(f"{JOBS}/{claim.job_id}").json
    assert shown is not None
    assert shown["claimed_by"] is None
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["cancelled"]
