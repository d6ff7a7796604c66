"""The API seals, pauses, resumes, copies and deletes groups, and decides about held steps."""

from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from admin_api.http import state
from admin_api.resources import copied_groups
from crawljobs.db.database import Database
from crawljobs.domain.actor import Actor
from crawljobs.repository.groups import group_reads
from crawljobs.repository.groups.batches import group_batches, group_operations
from crawljobs.repository.groups.edits import group_deletion
from crawljobs.repository.operations import audit_log, operation_rows
from support import admin_api, groups
from support.group_calls import PATH, created, end, resolve, shown, states, step, steps

Client = flask.testing.FlaskClient


def post(client: Client, path: str, **more: Any) -> Any:
    answer = client.post(f"{PATH}/{path}", **more)
    assert answer.status_code in (200, 201), answer.text
    return answer.get_json()


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def actions(database: Database, group_id: int) -> list[str]:
    """Return the audited actions of the group, the oldest first."""
    filters = audit_log.AuditFilter(resource_type="job_group", resource_id=str(group_id))
    with database.read() as conn:
        entries = audit_log.list_entries(conn, filters=filters).entries
    return [entry.action for entry in reversed(entries)]


def held(client: Client, database: Database) -> dict[str, Any]:
    """Return a group whose step b is held, because step a failed. Step c waits for step b."""
    group = created(client, step("a"), step("b", "a", on_upstream_failure="hold"), step("c", "b"))
    resolve(database)
    end(database, steps(client, group["id"])["a"]["job_id"], how="failed")
    assert states(client, group["id"]) == {"a": "failed", "b": "held", "c": "pending"}
    return group


def test_case_15_a_seal_finishes_a_group_whose_steps_have_ended(
    client: Client, database: Database
) -> None:
    group = created(client, step("a"), sealed=False)
    resolve(database)
    end(database, steps(client, group["id"])["a"]["job_id"])
    sealed = post(client, f"{group['id']}/seal")
    assert (sealed["outcome"], sealed["finished_at"] is None) == ("succeeded", False)
    again = post(client, f"{group['id']}/seal")
    assert again == sealed
    late = client.post(f"{PATH}/{group['id']}/steps", json={"steps": [step("b")]})
    assert code(late) == (409, "group_closed")
    assert actions(database, group["id"]) == ["create", "seal", "refused"]


def test_case_16_a_seal_of_an_empty_group_finishes_it(client: Client) -> None:
    group = client.post(PATH, json={}).get_json()
    assert post(client, f"{group['id']}/seal")["outcome"] == "succeeded"


def test_no_pending_step_of_a_paused_group_starts(client: Client, database: Database) -> None:
    group = created(client, step("a"), step("b", "a"))
    resolve(database)
    paused = post(client, f"{group['id']}/pause")
    assert paused["paused_at"] is not None
    assert post(client, f"{group['id']}/pause")["paused_at"] == paused["paused_at"]
    end(database, steps(client, group["id"])["a"]["job_id"])
    assert states(client, group["id"]) == {"a": "succeeded", "b": "pending"}
    assert [one["id"] for one in client.get(f"{PATH}?state=paused").get_json()["items"]] == [
        group["id"]
    ]
    assert post(client, f"{group['id']}/resume")["paused_at"] is None
    resolve(database)
    assert states(client, group["id"])["b"] == "enqueued"
    post(client, f"{group['id']}/resume")
    assert actions(database, group["id"]) == ["create", "pause", "resume"]


def test_a_finished_group_cannot_be_paused_but_resumed(client: Client, database: Database) -> None:
    group = created(client, step("a"))
    resolve(database)
    post(client, f"{group['id']}/pause")
    end(database, steps(client, group["id"])["a"]["job_id"])
    assert shown(client, group["id"])["outcome"] == "succeeded"
    assert code(client.post(f"{PATH}/{group['id']}/pause")) == (409, "group_finished")
    assert post(client, f"{group['id']}/resume")["paused_at"] is None


def test_a_held_step_proceeds(client: Client, database: Database) -> None:
    group = held(client, database)
    first = shown(client, group["id"])
    assert (first["counts"]["held"], first["outcome"]) == (1, None)
    assert post(client, f"{group['id']}/steps/b/proceed")["state"] == "pending"
    resolve(database)
    assert states(client, group["id"])["b"] == "enqueued"
    assert actions(database, group["id"]) == ["create", "proceed_step"]
    again = client.post(f"{PATH}/{group['id']}/steps/b/proceed")
    assert code(again) == (409, "step_not_held")


def test_a_held_step_is_skipped_and_the_reason_names_the_person(
    client: Client, database: Database
) -> None:
    group = held(client, database)
    skipped = post(client, f"{group['id']}/steps/b/skip")
    assert (skipped["state"], skipped["reason"]) == ("skipped", "skipped by bootstrap")
    with database.read() as conn:
        entry = audit_log.list_entries(conn, limit=1).entries[0]
    assert entry.before is not None
    assert entry.after is not None
    failed = entry.before["step"]["reason"]
    assert failed.startswith("step a failed: job ")
    assert entry.before["step"] == {"key": "b", "state": "held", "reason": failed}
    assert entry.after["step"] == {
        "key": "b",
        "state": "skipped",
        "reason": "skipped by bootstrap",
    }
    resolve(database)
    found = steps(client, group["id"])
    assert (found["c"]["state"], found["c"]["reason"]) == ("skipped", "skipped by bootstrap")
    assert shown(client, group["id"])["outcome"] == "failed"
    for key in ("a", "b", "c"):
        for decision in ("proceed", "skip"):
            answer = client.post(f"{PATH}/{group['id']}/steps/{key}/{decision}")
            assert code(answer) == (409, "step_not_held")
    assert client.post(f"{PATH}/{group['id']}/steps/x/skip").status_code == 404


def test_a_skipped_step_lets_the_step_that_waits_for_all_others_end(
    client: Client, database: Database
) -> None:
    last = {**step("z", on_upstream_failure="proceed"), "after": "all"}
    group = created(client, step("a"), step("b", "a", on_upstream_failure="hold"), last)
    resolve(database)
    end(database, steps(client, group["id"])["a"]["job_id"], how="failed")
    post(client, f"{group['id']}/steps/b/skip")
    resolve(database)
    assert states(client, group["id"])["z"] == "enqueued"


def test_a_copy_has_the_same_steps_and_waits(client: Client, database: Database) -> None:
    job = client.post("/api/admin/jobs", json={"subreddit": "elsewhere"}).get_json()["job"]
    other = created(client, step("x"))
    group = created(
        client,
        step("a", priority=7, max_retries=0, require_outcome="complete"),
        step("b", "a", {"job": job["id"]}, {"group": other["id"]}, on_upstream_failure="hold"),
        {**step("z"), "after": "all"},
        name="nightly",
    )
    resolve(database)
    answer = client.post(f"{PATH}/{group['id']}/clone")
    assert answer.status_code == 201, answer.text
    copy = answer.get_json()
    assert answer.headers["Location"] == f"{PATH}/{copy['id']}"
    assert (copy["name"], copy["steps"], copy["counts"]["pending"]) == ("nightly", 3, 3)
    assert copy["sealed_at"] is not None
    before, after = (steps(client, each["id"]) for each in (group, copy))
    kept = (
        *("key", "subreddit", "priority", "max_retries", "visible_at"),
        *("on_upstream_failure", "require_outcome", "waits"),
    )
    for key, one in before.items():
        assert {name: after[key][name] for name in kept} == {name: one[name] for name in kept}
    assert post(client, f"{group['id']}/clone", json={"name": "again"})["name"] == "again"
    assert actions(database, copy["id"]) == ["clone"]


def test_a_copy_leaves_out_waits_for_deleted_jobs(client: Client, database: Database) -> None:
    job_id = client.post("/api/admin/jobs", json={"subreddit": "elsewhere"}).get_json()["job"]["id"]
    group = created(client, step("a", {"job": job_id}))
    end(database, job_id)
    with database.begin() as conn:
        conn.execute(text("DELETE FROM crawl_jobs WHERE id = :id"), {"id": job_id})
    copy = post(client, f"{group['id']}/clone")
    assert steps(client, copy["id"])["a"]["waits"] == []


def test_a_group_with_too_many_steps_is_not_copied(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = created(client, step("a"), step("b", "a"), step("c", "a"))
    monkeypatch.setattr(copied_groups, "STEPS_MAX_OF_REQUEST", 2)
    assert code(client.post(f"{PATH}/{group['id']}/clone")) == (409, "group_too_large")


def test_only_a_finished_group_is_deleted(client: Client, database: Database) -> None:
    group = created(client, step("a"), step("b", "a"))
    path = f"{PATH}/{group['id']}"
    assert code(client.delete(path)) == (409, "group_unfinished")
    resolve(database)
    job_id = steps(client, group["id"])["a"]["job_id"]
    end(database, job_id, how="failed")
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == client.delete(path).status_code == 404
    assert client.get(f"/api/admin/jobs/{job_id}").status_code == 200
    with database.read() as conn:
        for table in ("group_steps", "step_waits", "group_finishes"):
            assert conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
    assert actions(database, group["id"])[:3] == ["create", "refused", "delete"]


def test_a_group_that_is_awaited_is_not_deleted(client: Client, database: Database) -> None:
    first = created(client)
    second = created(client, step("a"))
    waiting = created(client, step("b", {"group": second["id"]}))
    assert client.delete(f"{PATH}/{first['id']}").status_code == 204
    resolve(database)
    with database.begin() as conn:  # the group has finished, and the resolver has not run yet
        conn.execute(
            text("UPDATE job_groups SET finished_at = now(), outcome = 'failed' WHERE id = :id"),
            {"id": second["id"]},
        )
    assert code(client.delete(f"{PATH}/{second['id']}")) == (409, "group_awaited")
    assert states(client, waiting["id"]) == {"b": "pending"}


def test_a_large_group_is_deleted_by_an_operation(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_deletion, "STEPS_MAX", 1)
    group = held(client, database)
    assert client.post(f"{PATH}/{group['id']}/cancel").status_code == 200
    answer = client.delete(f"{PATH}/{group['id']}")
    assert answer.status_code == 202
    assert code(client.delete(f"{PATH}/{group['id']}")) == (409, "operation_in_progress")
    while True:
        with database.begin() as conn:
            taken = operation_rows.take(conn, kinds=group_batches.CHANGES)
            if taken is None:
                break
            group_operations.advance(conn, taken, actor=Actor("system:test"), at_most=1)
            left = group_reads.get_group(conn, group_id=group["id"])
            if left is not None:
                groups.states(conn, left.id)  # checks the counts
    operation = client.get(answer.headers["Location"]).get_json()
    assert (operation["state"], operation["counts"]) == ("succeeded", {"deleted": 3})
    assert client.get(f"{PATH}/{group['id']}").status_code == 404


def test_a_change_of_another_version_is_refused(client: Client, database: Database) -> None:
    group = held(client, database)
    changes = ["seal", "pause", "resume", "boost", "steps/b/skip", "retry-failed", "cancel"]
    for change in (*changes, "steps/b/proceed"):
        body = {"boost": 5} if change == "boost" else {}
        path, before = f"{PATH}/{group['id']}/{change}", shown(client, group["id"])
        refused = client.post(path, json=body, headers={"If-Match": '"1"'})
        assert code(refused) == (412, "precondition_failed"), change
        assert shown(client, group["id"]) == before
        current = {"If-Match": f'"{before["version"]}"'}
        body["dry_run"] = True
        assert client.post(path, json=body, headers=current).status_code == 200, change


def test_a_dry_run_of_a_change_answers_as_the_change_and_changes_nothing(
    client: Client, database: Database
) -> None:
    group = held(client, database)
    sealed = shown(client, group["id"])
    assert post(client, f"{group['id']}/pause", json={"dry_run": True})["paused_at"] is not None
    other = created(client, step("o"), sealed=False)
    assert post(client, f"{other['id']}/seal", json={"dry_run": True})["sealed_at"] is not None
    assert shown(client, other["id"])["sealed_at"] is None
    for decision, after in (("proceed", "pending"), ("skip", "skipped")):
        path = f"{group['id']}/steps/b/{decision}"
        assert post(client, path, json={"dry_run": True})["state"] == after
    assert (shown(client, group["id"]), states(client, group["id"])["b"]) == (sealed, "held")
    assert actions(database, group["id"]) == ["create"]
    paused = post(client, f"{group['id']}/pause", json={})
    answer = client.post(f"{PATH}/{group['id']}/resume", json={"dry_run": True})
    assert answer.get_json()["paused_at"] is None
    assert answer.headers["ETag"] == f'"{paused["version"]}"'
    assert shown(client, group["id"]) == paused
    # A dry run fails as the change would fail, and takes no unknown field.
    no_step = client.post(f"{PATH}/{group['id']}/steps/a/skip", json={"dry_run": True})
    assert code(no_step) == (409, "step_not_held")
    misspelt = client.post(f"{PATH}/{group['id']}/resume", json={"dryrun": True})
    assert code(misspelt) == (422, "invalid_request")
    made = client.post("/api/admin/tokens", json={"name": "jobs", "scopes": ["jobs"]})
    changer = admin_api.with_token(client.application, made.get_json()["token"])
    refused = changer.post(f"{PATH}/{group['id']}/resume", json={"dry_run": True})
    assert code(refused) == (403, "insufficient_scope")


def test_a_group_that_is_being_deleted_is_not_copied(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_deletion, "STEPS_MAX", 1)
    group = created(client, step("a"), step("b"))
    client.post(f"{PATH}/{group['id']}/cancel")
    operation = client.delete(f"{PATH}/{group['id']}").headers["Location"]
    refused = client.post(f"{PATH}/{group['id']}/clone")
    assert code(refused) == (409, "operation_in_progress")
    assert refused.headers["Location"] == operation


def test_a_repeated_copy_creates_one_group(client: Client) -> None:
    group = created(client, step("a"))
    path = f"{PATH}/{group['id']}/clone"
    copies = [client.post(path, headers={"Idempotency-Key": "k"}).get_json() for _ in range(2)]
    assert copies[0]["id"] == copies[1]["id"]
    assert len(client.get(PATH).get_json()["items"]) == 2


def test_a_key_with_a_line_feed_is_refused(client: Client) -> None:
    answer = client.post(PATH, json={"steps": [{"key": "stuck\n", "subreddit": "python"}]})
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["errors"][0]["pointer"] == "/steps/0/key"


def test_a_list_that_is_too_long_is_refused_before_its_items_are_read(client: Client) -> None:
    answer = client.post(PATH, json={"steps": [{"a": 1}] * 10_001})
    assert answer.status_code == 422
    assert answer.json is not None
    assert [error["pointer"] for error in answer.json["errors"]] == ["/steps"]


def test_a_copy_takes_the_tokens_turn_for_large_requests(client: Client) -> None:
    group = created(client, step("a"))
    turns = state.of(client.application).large_bodies
    key = "bootstrap"
    assert turns.begin(key, is_exempt=False)
    try:
        assert code(client.post(f"{PATH}/{group['id']}/clone")) == (429, "too_many_large_bodies")
    finally:
        turns.end(key)
    assert client.post(f"{PATH}/{group['id']}/clone").status_code == 201
