"""The numbers in the responses of bulk changes and imports."""

from typing import Any

import flask.testing

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support import jobs as factory

Client = flask.testing.FlaskClient
BULK = "/api/admin/jobs/bulk"


def test_each_item_has_the_status_of_a_request_for_its_job_alone(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        failed, busy, queued = (
            factory.in_status(conn, status, name)
            for status, name in (
                (JobStatus.FAILED, "python"),
                (JobStatus.FAILED, "rust"),
                (JobStatus.QUEUED, "rust"),
            )
        )
    answer = client.post(f"{BULK}/retry", json={"job_ids": [failed, failed, 999, queued, busy]})
    body: dict[str, Any] = answer.get_json()
    assert [(one["status"], one["code"], one["other_job_id"]) for one in body["items"]] == [
        (200, "ok", None),
        (422, "duplicate", None),
        (404, "not_found", None),
        (409, "illegal_transition", None),
        (409, "live_job_exists", queued),
    ]
    assert [bool(one["detail"]) for one in body["items"]] == [False, True, True, True, True]
    assert (body["succeeded"], body["failed"], body["dry_run"]) == (1, 4, False)


def test_an_import_counts_the_names_that_are_not_valid(client: Client) -> None:
    names = ["python", "r/PYTHON", "?", "rust", "not a name"]
    answer = client.post(BULK, json={"subreddits": names})
    body: dict[str, Any] = answer.get_json()
    assert (answer.status_code, body["succeeded"], body["failed"]) == (207, 3, 2)
    assert [bool(one["detail"]) for one in body["items"]] == [False, False, True, False, True]
    repeated = client.post(BULK, json={"subreddits": names[:2]})
    body = repeated.get_json()
    assert (repeated.status_code, body["succeeded"], body["failed"]) == (200, 2, 0)


def test_waiting_jobs_are_woken_and_the_reason_is_in_the_audit_log(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        one, two, queued = (
            factory.in_status(conn, status, f"sub{n}")
            for n, status in enumerate((JobStatus.WAITING, JobStatus.WAITING, JobStatus.QUEUED))
        )
    chosen = {"filter": {"status": ["waiting"]}, "reason": "Reddit is back"}
    refused = client.post(f"{BULK}/wake", json={**chosen, "expected_count": 3})
    assert (refused.status_code, refused.json["code"]) == (409, "count_mismatch")
    found = client.post(f"{BULK}/wake", json={**chosen, "dry_run": True}).json
    assert (found["succeeded"], [each["id"] for each in found["items"]]) == (2, [two, one])
    assert client.post(f"{BULK}/wake", json={**chosen, "expected_count": 2}).status_code == 200
    with database.begin() as conn:
        assert {factory.job(conn, each).status for each in (one, two)} == {JobStatus.QUEUED}
    rest = client.post(f"{BULK}/wake", json={"job_ids": [queued, 999]})
    assert rest.status_code == 207
    assert [each["code"] for each in rest.json["items"]] == ["illegal_transition", "not_found"]
    log = client.get("/api/admin/audit-log").json["items"]
    woken = [
        (row["action"], row["resource_id"], row["after"].get("reason"))
        for row in log
        if row["action"] != "refused"
    ]
    assert sorted(woken, key=str) == [
        ("bulk_wake", None, "Reddit is back"),
        ("bulk_wake", None, None),
        ("wake", str(one), "Reddit is back"),
        ("wake", str(two), "Reddit is back"),
    ]
