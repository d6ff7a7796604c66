"""Bulk changes select jobs by ids or by a filter, and return a result for each job."""

import threading
from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from admin_api.resources import job_selection
from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource, JobStatus
from crawljobs.repository.operations import audit_log
from support import enqueueing
from support import jobs as factory
from support.waiting import wait_until

JOBS = "/api/admin/jobs"
BULK = f"{JOBS}/bulk"
Client = flask.testing.FlaskClient
S = JobStatus


def made(database: Database, *statuses: JobStatus, name: str = "sub") -> list[int]:
    with database.begin() as conn:
        return [factory.in_status(conn, one, f"{name}{n}") for n, one in enumerate(statuses)]


def statuses_of(database: Database, ids: list[int]) -> list[str]:
    with database.begin() as conn:
        return [factory.job(conn, job_id).status for job_id in ids]


def codes(response: Any) -> list[tuple[int, str]]:
    assert response.status_code in (200, 207), response.text
    items = response.json["items"]
    assert response.json["succeeded"] == sum(item["status"] == 200 for item in items)
    assert response.json["failed"] == len(items) - response.json["succeeded"]
    assert (response.status_code == 207) == bool(response.json["failed"])
    return [(item["id"], item["code"]) for item in items]


def actions(database: Database) -> list[str]:
    with database.begin() as conn:
        return [entry.action for entry in audit_log.list_entries(conn).entries]


def test_each_job_is_told_apart_in_the_order_asked_for(client: Client, database: Database) -> None:
    failed, cancelled, queued = made(database, S.FAILED, S.CANCELLED, S.QUEUED)
    ids = [queued, 999, cancelled, failed, cancelled]
    response = client.post(f"{BULK}/retry", json={"job_ids": ids})
    assert codes(response) == [
        (queued, "illegal_transition"),
        (999, "not_found"),
        (cancelled, "ok"),
        (failed, "ok"),
        (cancelled, "duplicate"),
    ]
    assert response.status_code == 207
    assert statuses_of(database, [failed, cancelled]) == ["queued", "queued"]
    assert actions(database) == ["bulk_retry", "retry", "retry"]


def test_boost_cancel_and_statuses_in_bulk(client: Client, database: Database) -> None:
    one, two, waiting = made(database, S.QUEUED, S.QUEUED, S.WAITING)
    boosted = client.post(f"{BULK}/boost", json={"job_ids": [one, two], "boost": 60})
    assert codes(boosted) == [(one, "ok"), (two, "ok")]
    with database.begin() as conn:
        assert factory.job(conn, one).priority == 100
    cancelled = client.post(f"{BULK}/cancel", json={"job_ids": [one]})
    assert codes(cancelled) == [(one, "ok")]
    given_up = client.put(f"{BULK}/status", json={"job_ids": [two, one], "status": "failed"})
    assert codes(given_up) == [(two, "ok"), (one, "illegal_transition")]
    queued = client.put(f"{BULK}/status", json={"job_ids": [one, waiting, two], "status": "queued"})
    assert codes(queued) == [(one, "ok"), (waiting, "ok"), (two, "ok")]
    assert statuses_of(database, [one, two, waiting]) == ["queued"] * 3


@pytest.mark.parametrize(
    ("status", "path", "body"),
    [
        (S.QUEUED, "boost", {"boost": 60}),
        (S.CRAWLING, "cancel", {}),
        (S.FAILED, "retry", {}),
        (S.WAITING, "status", {"status": "queued"}),
        (S.QUEUED, "status", {"status": "failed"}),
        (S.QUEUED, "status", {"status": "cancelled"}),
    ],
)
def test_a_change_in_bulk_is_recorded_as_the_change_of_one_job(
    client: Client, database: Database, status: JobStatus, path: str, body: dict[str, Any]
) -> None:
    """The audit row has the job before the change and after the change."""
    alone, in_bulk = made(database, status, status)
    send = client.put if path == "status" else client.post
    assert send(f"{JOBS}/{alone}/{path}", json=body).status_code == 200
    assert codes(send(f"{BULK}/{path}", json={"job_ids": [in_bulk], **body})) == [(in_bulk, "ok")]
    with database.begin() as conn:
        entries = audit_log.list_entries(conn).entries
    of_bulk, of_one = (
        next(entry for entry in entries if entry.resource_id == str(job_id))
        for job_id in (in_bulk, alone)
    )
    assert of_bulk.action == of_one.action
    for now, then in ((of_bulk.before, of_one.before), (of_bulk.after, of_one.after)):
        assert now is not None
        assert then is not None
        assert now.keys() == then.keys()
        for name in now.keys() & {"status", "priority", "base_priority", "wait_reason"}:
            assert now[name] == then[name], name
    assert of_bulk.before != of_bulk.after


def test_of_several_jobs_of_one_subreddit_the_newest_is_retried(
    client: Client, database: Database
) -> None:
    old, new = (made(database, S.FAILED)[0] for _ in range(2))
    response = client.post(f"{BULK}/retry", json={"job_ids": [old, new]})
    assert codes(response) == [(old, "live_job_exists"), (new, "ok")]
    assert response.json is not None
    assert response.json["items"][0]["other_job_id"] == new
    again = client.post(f"{BULK}/retry", json={"job_ids": [old]})
    assert codes(again) == [(old, "live_job_exists")]
    assert again.json is not None
    assert again.json["items"][0]["other_job_id"] == new


def waits_for_an_enqueue(database: Database) -> bool:
    with database.begin() as conn:
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid'"
            " AND query LIKE '%retry_count=0%' AND datname = current_database()"
        )
        return bool(conn.execute(waiting).scalar_one())


def test_an_enqueue_in_between_spoils_only_its_own_item(client: Client, database: Database) -> None:
    ids = made(database, *[S.FAILED] * 4)
    answers: list[Any] = []
    # The enqueue is not committed yet, so that the bulk request cannot see it.
    with database.begin() as conn:
        enqueued = enqueueing.enqueue(conn, subreddit="sub2", priority=1, source=JobSource.USER)
        request = threading.Thread(
            target=lambda: answers.append(client.post(f"{BULK}/retry", json={"job_ids": ids}))
        )
        request.start()
        wait_until(
            lambda: waits_for_an_enqueue(database), timeout=10, describe="a retry that waits"
        )
    request.join(10)
    assert codes(answers[0]) == [
        (job_id, "live_job_exists" if n == 2 else "ok") for n, job_id in enumerate(ids)
    ]
    assert answers[0].json["items"][2]["other_job_id"] == enqueued.job_id


def test_a_dry_run_tells_and_changes_nothing(client: Client, database: Database) -> None:
    ids = made(database, S.FAILED, S.SUCCEEDED, S.QUEUED)
    before = statuses_of(database, ids)
    response = client.post(f"{BULK}/retry", json={"job_ids": ids, "dry_run": True})
    assert [code for _, code in codes(response)] == ["ok", "ok", "illegal_transition"]
    assert response.json is not None
    assert response.json["dry_run"] is True
    assert statuses_of(database, ids) == before
    assert actions(database) == []


def test_by_filter_what_was_previewed_is_what_is_changed(
    client: Client, database: Database
) -> None:
    ids = made(database, S.FAILED, S.FAILED, S.SUCCEEDED)
    asked: dict[str, Any] = {"filter": {"status": ["failed"]}}
    preview = client.post(f"{BULK}/retry", json={**asked, "dry_run": True})
    assert sorted(job_id for job_id, _ in codes(preview)) == ids[:2]
    wrong = client.post(f"{BULK}/retry", json={**asked, "expected_count": 3})
    assert wrong.status_code == 409
    assert wrong.json is not None
    assert (wrong.json["code"], wrong.json["errors"][0]["detail"]) == (
        "count_mismatch",
        "the filter matches 2",
    )
    assert statuses_of(database, ids) == ["failed", "failed", "succeeded"]
    done = client.post(f"{BULK}/retry", json={**asked, "expected_count": 2})
    assert [code for _, code in codes(done)] == ["ok", "ok"]
    assert statuses_of(database, ids) == ["queued", "queued", "succeeded"]
    none = client.post(f"{BULK}/retry", json={**asked, "expected_count": 0})
    assert codes(none) == []


def test_a_filter_that_matches_too_many_is_refused(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(database, *[S.FAILED] * 3)
    monkeypatch.setattr("admin_api.resources.job_selection.ITEMS_MAX", 2)
    response = client.post(f"{BULK}/retry", json={"filter": {}, "dry_run": True})
    assert response.status_code == 422
    assert response.json is not None
    assert response.json["code"] == "too_many_matches"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/job_ids"),
        ({"job_ids": []}, "/job_ids"),
        ({"job_ids": [1] * 1001}, "/job_ids"),
        ({"job_ids": [0]}, "/job_ids/0"),
        ({"job_ids": [2**63]}, "/job_ids/0"),
        ({"job_ids": ["1"]}, "/job_ids/0"),
        ({"job_ids": [1], "filter": {}, "expected_count": 1}, "/job_ids"),
        ({"filter": {}}, "/expected_count"),
        ({"filter": {"status": "failed"}, "dry_run": True}, "/filter/status"),
        ({"filter": {"nothing": 1}, "dry_run": True}, "/filter/nothing"),
        ({"filter": {"priority_min": "60"}, "dry_run": True}, "/filter/priority_min"),
        ({"filter": {}, "expected_count": 1001}, "/expected_count"),
        ({"job_ids": [1], "dry_run": "yes"}, "/dry_run"),
    ],
)
def test_a_wrong_request_is_refused_by_its_place(
    offline: Client, body: dict[str, Any], pointer: str
) -> None:
    response = offline.post(f"{BULK}/retry", json=body)
    assert response.status_code == 422
    assert response.json is not None
    assert [error["pointer"] for error in response.json["errors"]] == [pointer]


def test_a_list_of_subreddits_is_imported_with_an_outcome_each(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        live = factory.enqueue(conn, "golang", priority=10)
        crawled = factory.crawling(conn, "busy", priority=99)
    names = ["r/Python", "golang", "not a name", "PYTHON", "busy", "x"]
    response = client.post(BULK, json={"subreddits": names, "priority": 70})
    assert response.status_code == 207
    assert response.json is not None
    items = response.json["items"]
    assert [item["subreddit"] for item in items] == names
    assert [(item["status"], item["code"]) for item in items] == [
        (201, "created"),
        (200, "merged"),
        (422, "invalid_request"),
        (200, "duplicate"),
        (200, "rerun_requested"),
        (422, "invalid_request"),
    ]
    assert (items[1]["job_id"], items[4]["job_id"]) == (live, crawled.job_id)
    assert items[3]["job_id"] == items[0]["job_id"]
    with database.begin() as conn:
        assert factory.job(conn, live).priority == 70
        entries = audit_log.list_entries(conn).entries
    assert [entry.action for entry in entries] == ["bulk_enqueue", *["enqueue"] * 3]
    merged = next(entry for entry in entries if entry.resource_id == str(live))
    assert merged.before is not None
    assert (merged.before["priority"], merged.after and merged.after["priority"]) == (10, 70)


def test_a_thousand_names_are_imported_at_once(client: Client) -> None:
    names = [f"sub_{number}" for number in range(1000)]
    response = client.post(BULK, json={"subreddits": names})
    assert response.status_code == 200
    assert response.json is not None
    assert response.json["succeeded"] == 1000
    ids = [item["job_id"] for item in response.json["items"]]
    again = client.post(f"{BULK}/cancel", json={"job_ids": ids})
    assert again.status_code == 200
    too_many = client.post(BULK, json={"subreddits": [*names, "more"]})
    assert too_many.status_code == 422


def test_a_filter_that_looked_at_too_many_jobs_changes_none(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The filter matches fewer jobs than the limit, but more of the unexamined jobs may match."""
    ids = made(database, *[S.FAILED] * 5)
    with database.begin() as conn:
        conn.execute(
            text("UPDATE crawl_jobs SET priority = 90, base_priority = 90 WHERE id = ANY (:ids)"),
            {"ids": [ids[0], ids[-1]]},
        )
    asked = {"filter": {"status": ["failed"], "priority_min": 80}, "expected_count": 1}
    monkeypatch.setattr(job_selection, "JOBS_EXAMINED_MAX", 3)
    for path, more in (("retry", {}), ("status", {"status": "queued"})):
        method = client.put if path == "status" else client.post
        refused = method(f"{BULK}/{path}", json={**asked, **more})
        assert refused.status_code == 422, refused.text
        assert refused.get_json()["code"] == "too_many_matches"
    assert statuses_of(database, ids) == ["failed"] * 5
    monkeypatch.setattr(job_selection, "JOBS_EXAMINED_MAX", 10)
    done = client.post(f"{BULK}/retry", json={**asked, "expected_count": 2})
    assert sorted(job_id for job_id, _ in codes(done)) == [ids[0], ids[-1]]
