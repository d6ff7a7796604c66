"""Changes of groups over HTTP: cancel, retry-failed, boost, and the operations of large groups."""

from typing import Any

import flask.testing
import pytest

from crawljobs.db.database import Database
from crawljobs.domain.actor import Actor
from crawljobs.domain.group import StepState
from crawljobs.domain.operation import CHUNK
from crawljobs.repository.groups.batches import group_batches, group_operations
from crawljobs.repository.operations import audit_log, operation_rows
from support import groups, jobs
from support.groups import step

Client = flask.testing.FlaskClient
GROUPS = "/api/admin/groups"


@pytest.fixture
def chain(database: Database) -> int:
    """A group with an enqueued step `a`, whose job has no other request, and a pending step `b`."""
    with database.begin() as conn:
        group_id = groups.group(conn, step("a"), step("b", "a", priority=90), sealed=False)
        groups.resolve(conn)
    return group_id


def actions(database: Database) -> list[tuple[str, str]]:
    with database.begin() as conn:
        entries = audit_log.list_entries(conn).entries
    return [(each.action, each.resource_type) for each in reversed(entries)]


def test_a_cancel_has_a_dry_run_and_results_for_each_step(
    client: Client, database: Database, chain: int
) -> None:
    tried = client.post(f"{GROUPS}/{chain}/cancel", json={"dry_run": True})
    assert (tried.status_code, tried.get_json()["dry_run"]) == (200, True)
    assert actions(database) == []
    done = client.post(f"{GROUPS}/{chain}/cancel")
    assert done.status_code == 200
    body = done.get_json()
    assert body["items"] == tried.get_json()["items"]
    assert [(item["key"], item["result"]) for item in body["items"]] == [
        ("a", "cancelled"),
        ("b", "cancelled"),
    ]
    assert (body["steps"], body["counts"], body["jobs_changed"]) == (2, {"cancelled": 2}, 1)
    assert actions(database) == [("cancel", "crawl_job"), ("cancel", "job_group")]
    again = client.post(f"{GROUPS}/{chain}/cancel")
    assert (again.status_code, again.get_json()["code"]) == (409, "group_finished")


def test_a_key_repeats_the_first_response(client: Client, chain: int) -> None:
    headers = {"Idempotency-Key": "cancel-once"}
    first, second = (client.post(f"{GROUPS}/{chain}/cancel", headers=headers) for _ in range(2))
    assert first.get_json() == second.get_json()
    assert second.headers["Idempotency-Replayed"] == "true"


def test_a_retry_of_failed_steps_and_a_boost(
    client: Client, database: Database, chain: int
) -> None:
    with database.begin() as conn:
        job_id = groups.job_of(conn, chain, "a")
    boosted = client.post(f"{GROUPS}/{chain}/boost", json={"boost": 15}).get_json()
    assert boosted["counts"] == {"boosted": 2}
    assert client.get(f"/api/admin/jobs/{job_id}").get_json()["priority"] == 65
    client.post(f"/api/admin/jobs/{job_id}/give_up")
    with database.begin() as conn:
        groups.resolve(conn)
    retried = client.post(f"{GROUPS}/{chain}/retry-failed").get_json()
    assert retried["items"] == [{"key": "a", "job_id": job_id, "result": "retried", "detail": ""}]
    assert client.get(f"/api/admin/jobs/{job_id}").get_json()["status"] == "queued"


def test_a_change_that_concerns_no_step_has_a_reason(client: Client, chain: int) -> None:
    def detail(path: str, body: dict[str, Any]) -> str:
        answer = client.post(f"{GROUPS}/{path}", json=body).get_json()
        assert (answer["steps"], answer["items"]) == (0, [])
        shown: str = answer["detail"]
        return shown

    assert detail(f"{chain}/retry-failed", {}) == "The group has no failed step."
    assert client.post(f"{GROUPS}/{chain}/cancel").get_json()["detail"] == ""
    for body in ({}, {"dry_run": True}):
        assert detail(f"{chain}/retry-failed", body) == (
            "The group has no failed step. Its 2 cancelled steps stay. To crawl them, create a "
            "copy of the group with `clone`."
        )
    empty = client.post(GROUPS, json={"sealed": False}).get_json()["id"]
    assert detail(f"{empty}/boost", {"boost": 5}) == "The group has no open step."


@pytest.mark.parametrize("verb", ["cancel", "retry-failed", "boost"])
def test_an_unknown_group_is_not_found(client: Client, verb: str) -> None:
    body = {"boost": 1} if verb == "boost" else {}
    answer = client.post(f"{GROUPS}/4711/{verb}", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("body", [{}, {"boost": 0}, {"boost": 101}, {"boost": "5"}, {"x": 1}])
def test_a_boost_checks_its_body(client: Client, chain: int, body: dict[str, Any]) -> None:
    assert client.post(f"{GROUPS}/{chain}/boost", json=body).status_code == 422


def test_a_large_group_is_cancelled_by_an_operation(client: Client, database: Database) -> None:
    with database.begin() as conn:
        waits_for = jobs.enqueue(conn, "root")
        names = [f"s{n}" for n in range(CHUNK + 1)]
        steps = [step(name, waits_for, subreddit=f"sub_{name}") for name in names]
        large = groups.group(conn, *steps)
    tried = client.post(f"{GROUPS}/{large}/cancel", json={"dry_run": True}).get_json()
    assert (tried["steps"], len(tried["items"])) == (CHUNK + 1, CHUNK)
    answer = client.post(f"{GROUPS}/{large}/cancel", headers={"Idempotency-Key": "k"})
    assert answer.status_code == 202
    operation = answer.headers["Location"]
    assert client.get(operation).get_json() == answer.get_json()
    assert (answer.get_json()["state"], answer.get_json()["total"]) == ("pending", CHUNK + 1)
    refused = client.post(f"{GROUPS}/{large}/boost", json={"boost": 1})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "operation_in_progress")
    assert refused.headers["Location"] == operation
    running = client.get(f"{GROUPS}/{large}").get_json()["operation"]
    assert (running["id"], running["done"]) == (answer.get_json()["id"], 0)
    assert client.get("/api/admin/operations?state=pending").get_json()["items"] == [running]
    for _ in range(2):
        with database.begin() as conn:
            taken = operation_rows.take(conn, kinds=group_batches.CHANGES)
            assert taken is not None
            group_operations.advance(conn, taken, actor=Actor("system:crawler-worker"))
    shown = client.get(operation).get_json()
    assert (shown["state"], shown["done"]) == ("succeeded", CHUNK + 1)
    assert shown["counts"] == {"cancelled": CHUNK + 1}
    assert client.get(f"{GROUPS}/{large}").get_json()["operation"] is None
    listed = "/api/admin/operations?state=succeeded&state=failed&kind=cancel_group"
    (ended,) = client.get(listed).get_json()["items"]
    assert ended == {name: shown[name] for name in shown.keys() - {"kept_jobs", "errors"}}
    assert client.get("/api/admin/operations?kind=delete_group").get_json()["items"] == []
    changes = [row for row in actions(database) if row[0] != "refused"]
    assert changes == [
        ("cancel", "job_group"),
        ("operation_succeeded", "job_group"),
    ]


def test_an_unknown_operation_is_not_found(client: Client) -> None:
    answer = client.get("/api/admin/operations/4711")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_a_delete_of_a_job_that_a_step_follows_needs_force(
    client: Client, database: Database, chain: int
) -> None:
    with database.begin() as conn:
        path = f"/api/admin/jobs/{groups.job_of(conn, chain, 'a')}"
    client.post(f"{path}/give_up")
    refused = client.delete(path)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "job_awaited")
    assert client.delete(f"{path}?force=1").status_code == 422
    assert client.delete(f"{path}?force=true").status_code == 204
    with database.begin() as conn:
        groups.resolve(conn)
        assert groups.states(conn, chain) == {
            "a": StepState.CANCELLED,
            "b": StepState.SKIPPED,
        }
