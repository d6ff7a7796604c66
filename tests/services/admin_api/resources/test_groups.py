"""The API creates, lists and shows groups, and lists their steps."""

import json
import threading
from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from admin_api.http import state
from crawljobs.db.database import Database
from crawljobs.repository.groups import request_use
from crawljobs.repository.operations import audit_log
from support import admin_api, group_calls
from support.group_calls import PATH, created, end, resolve, shown, states, step, steps
from support.waiting import wait_until

Client = flask.testing.FlaskClient


def refused(client: Client, body: Any, path: str = PATH) -> dict[str, str]:
    """Send an invalid body, and return the details by pointer."""
    answer = client.post(path, json=body)
    assert answer.status_code == 422, answer.text
    return {each["pointer"]: each["detail"] for each in answer.get_json()["errors"]}


def test_a_chain_is_created_shown_and_run(client: Client, database: Database) -> None:
    answer = client.post(
        PATH, json={"name": "chain", "steps": [step("a"), step("b", "a"), step("c", "b")]}
    )
    assert answer.status_code == 201
    group = answer.get_json()
    assert answer.headers["Location"] == f"{PATH}/{group['id']}"
    assert group["counts"]["pending"] == group["steps"] == 3
    assert group["sealed_at"] is not None
    assert (group["outcome"], group["generation"], group["started_at"]) == (None, 1, None)
    for key in ("a", "b", "c"):
        resolve(database)
        assert states(client, group["id"])[key] == "enqueued"
        end(database, steps(client, group["id"])[key]["job_id"])
    after = shown(client, group["id"])
    assert after["outcome"] == "succeeded"
    assert after["counts"]["succeeded"] == 3
    assert after["started_at"] >= after["created_at"]
    assert after["first_failure"] is None


def test_a_step_shows_what_it_waits_for(client: Client, database: Database) -> None:
    other = created(client, step("z"))
    job_id = client.post("/api/admin/jobs", json={"subreddit": "elsewhere"}).get_json()["job"]["id"]
    upstreams = ["a", {"job": job_id}, {"group": other["id"]}]
    group = created(client, step("a"), step("b", *upstreams), {**step("c"), "after": "all"})
    found = steps(client, group["id"])
    waits = [
        {name: value for name, value in each.items() if value}
        for each in found["b"]["waits"] + found["c"]["waits"]
    ]
    assert waits == [{"key": "a"}, {"job_id": job_id}, {"group_id": other["id"]}, {"all": True}]
    assert found["b"]["waiting_for"] == 3
    resolve(database)
    end(database, job_id, how="failed")
    first = client.get(f"{PATH}/{group['id']}/steps/b").get_json()
    assert first["waiting_for"] == 2
    assert first["waits"][-1]["state"] == "failed"
    assert first["waits"][-1]["reason"] == f"job {job_id} failed: HTTP 500"


def test_a_group_shows_the_requests_so_far_and_to_come(client: Client, database: Database) -> None:
    group = created(client, step("a"), step("b", "a"))
    assert group["requests"] == {
        "used": 0,
        "expected": 200,
        "per_minute": None,
        "eta": None,
        "is_estimate": False,
    }
    resolve(database)
    job_id = steps(client, group["id"])["a"]["job_id"]
    with database.begin() as conn:
        conn.execute(
            text("UPDATE crawl_jobs SET checkpoint = CAST(:saved AS jsonb) WHERE id = :id"),
            {"id": job_id, "saved": '{"requests": 12, "forecast": {"total": 30}}'},
        )
    found = shown(client, group["id"])["requests"]
    assert (found["used"], found["expected"]) == (12, 12 + 18 + 100)
    assert found["per_minute"] > 0
    assert found["eta"] > group["created_at"]
    end(database, job_id)
    again = created(client, step("a"))
    assert again["requests"]["expected"] == 12  # the last crawl of the subreddit


def test_the_requests_of_a_large_group_are_estimated_from_a_sample(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = created(client, *(step(key) for key in "abcdef"))
    monkeypatch.setattr(request_use, "STEPS_MAX", 2)
    found = shown(client, group["id"])["requests"]
    assert (found["expected"], found["is_estimate"]) == (600, True)


def test_the_first_failure_is_the_cause(client: Client, database: Database) -> None:
    group = created(client, step("a"), step("b", "a"))
    resolve(database)
    job_id = steps(client, group["id"])["a"]["job_id"]
    end(database, job_id, how="failed")
    after = shown(client, group["id"])
    assert after["first_failure"] == {
        "key": "a",
        "state": "failed",
        "reason": f"job {job_id} failed: HTTP 500",
        "job_id": job_id,
    }
    assert (after["outcome"], after["counts"]["skipped"]) == ("failed", 1)


def test_a_step_has_the_documented_defaults(client: Client) -> None:
    group = created(client, {"subreddit": "r/Python"})
    (only,) = steps(client, group["id"]).values()
    fields = ("key", "subreddit", "priority", "max_retries", "visible_at", "job_id", "waits")
    assert [only[name] for name in fields] == ["Python", "Python", 60, 3, None, None, []]
    assert (only["on_upstream_failure"], only["require_outcome"]) == ("cancel", "any")


def test_every_field_of_a_step_is_kept(client: Client) -> None:
    asked = {
        "key": "k:1.x-y",
        "subreddit": "golang",
        "priority": 7,
        "max_retries": 0,
        "visible_at": "2199-01-01T00:00:00Z",
        "on_upstream_failure": "hold",
        "require_outcome": "complete",
    }
    group = created(client, asked)
    found = client.get(f"{PATH}/{group['id']}/steps/k:1.x-y").get_json()
    assert {name: found[name] for name in asked} == asked


def test_case_4_a_cycle_is_refused_and_its_members_are_named(client: Client) -> None:
    errors = refused(client, {"steps": [step("a", "c"), step("b", "a"), step("c", "b")]})
    (detail,) = errors.values()
    assert all(key in detail.partition(":")[2] for key in ("a", "b", "c"))
    own = refused(client, {"steps": [step("a"), step("b", "b")]})
    assert own.keys() == {"/steps/1/after/0"}
    assert client.get(PATH).get_json()["items"] == []


def test_case_4_a_step_waits_only_for_a_sealed_group(client: Client) -> None:
    unsealed = created(client, step("a"), sealed=False)
    body = {"steps": [step("b", {"group": unsealed["id"]})]}
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "group_closed")
    assert str(unsealed["id"]) in answer.get_json()["detail"]


def test_case_14_a_subreddit_twice_needs_an_order(client: Client) -> None:
    twice = [step("a", subreddit="Python"), step("b", subreddit="python")]
    assert refused(client, {"steps": twice}).keys() == {"/steps/1/subreddit"}
    created(client, twice[0], {**twice[1], "after": ["a"]})
    without_keys = [{"subreddit": "python"}, {"subreddit": "python"}]
    assert "/steps/1/key" in refused(client, {"steps": without_keys})


def test_case_15_an_unsealed_group_takes_further_steps(client: Client, database: Database) -> None:
    group = created(client, step("a"), sealed=False)
    resolve(database)
    end(database, steps(client, group["id"])["a"]["job_id"])
    assert shown(client, group["id"])["outcome"] is None
    path = f"{PATH}/{group['id']}/steps"
    answer = client.post(path, json={"steps": [step("b", "a")]})
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["steps"] == 2
    resolve(database)
    assert states(client, group["id"]) == {"a": "succeeded", "b": "enqueued"}
    assert refused(client, {"steps": [step("b")]}, path).keys() == {"/steps/0/key"}


def test_case_15_a_sealed_group_takes_no_steps(client: Client) -> None:
    group = created(client, step("a"))
    answer = client.post(f"{PATH}/{group['id']}/steps", json={"steps": [step("b")]})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "group_closed")


def test_case_16_an_empty_sealed_group_finishes_at_once(client: Client) -> None:
    for body in ({"steps": []}, {"sealed": True}):
        group = client.post(PATH, json=body).get_json()
        assert (group["outcome"], group["steps"]) == ("succeeded", 0)
    assert client.post(PATH, json={}).get_json()["outcome"] is None


def test_case_26_the_largest_request_is_accepted_and_a_larger_one_refused(client: Client) -> None:
    many = [{"key": f"k{at}", "subreddit": f"sub_{at}"} for at in range(10_000)]
    largest = {"steps": [*many[:-1], {**step("z"), "after": "all"}]}
    key = {"Idempotency-Key": "largest"}
    answers = []

    def answered() -> bool:
        answers.append(client.post(PATH, json=largest, headers=key))
        return answers[-1].status_code != 503

    # On a busy machine the statement timeout of requests (5 s) can end the transaction. Clients
    # repeat a 503 with the same key, so the test does too.
    wait_until(answered, timeout=120, describe=lambda: answers[-1].text)
    assert answers[-1].status_code == 201, answers[-1].text
    group = answers[-1].get_json()
    assert group["counts"]["pending"] == 10_000
    assert len(client.get(PATH).get_json()["items"]) == 1
    assert refused(client, {"steps": [*many, step("one_more")]}).keys() == {"/steps"}
    waits = [f"k{at}" for at in range(101)]
    assert "/steps/0/after" in refused(client, {"steps": [step("z", *waits)]})
    deep = [step("k0"), *(step(f"k{at}", f"k{at - 1}") for at in range(1, 101))]
    assert refused(client, {"steps": deep}).keys() == {"/steps/100/after"}
    listed, url = 0, f"{PATH}/{group['id']}/steps?limit=500"
    while url:
        page = client.get(url)
        listed += len(page.get_json()["items"])
        url = page.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert listed == 10_000


def test_at_most_50_errors_are_shown_and_all_are_counted(client: Client) -> None:
    lost = [step(f"k{at}", "nothing") for at in range(70)]
    answer = client.post(PATH, json={"steps": lost})
    assert answer.status_code == 422
    assert len(answer.get_json()["errors"]) == 50
    assert "70 values" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"after": "everything"}, "/after"),
        ({"after": None}, "/after"),
        ({"after": {"job": 1}}, "/after"),
        ({"after": [1]}, "/after/0"),
        ({"after": [{"job": True}]}, "/after/0"),
        ({"after": [{"job": 0}]}, "/after/0"),
        ({"after": [{"job": 1.5}]}, "/after/0"),
        ({"after": [{"job": 2**63}]}, "/after/0"),
        ({"after": [{"job": 1, "group": 1}]}, "/after/0"),
        ({"after": [{"step": "a"}]}, "/after/0"),
        ({"after": [[]]}, "/after/0"),
        ({"after": [{"job": 999}]}, "/after/0"),
        ({"after": [{"group": 999}]}, "/after/0"),
        ({"after": ["a/b"]}, "/after/0"),
        ({"key": "a/b"}, "/key"),
        ({"key": ".."}, "/key"),
        ({"key": ""}, "/key"),
        ({"key": "k" * 101}, "/key"),
        ({"key": "é"}, "/key"),
        ({"subreddit": "all"}, "/subreddit"),
        ({"subreddit": "no such name"}, "/subreddit"),
        ({"priority": 101}, "/priority"),
        ({"max_retries": -1}, "/max_retries"),
        ({"visible_at": "tomorrow"}, "/visible_at"),
        ({"on_upstream_failure": "explode"}, "/on_upstream_failure"),
        ({"require_outcome": "perfect"}, "/require_outcome"),
        ({"state": "succeeded"}, "/state"),
    ],
)
def test_a_hostile_step_is_refused_with_its_place(
    client: Client, change: dict[str, Any], pointer: str
) -> None:
    found = refused(client, {"steps": [step("fine"), {**step("b"), **change}]})
    assert found.keys() == {f"/steps/1{pointer}"}
    assert client.get(PATH).get_json()["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"steps": {}},
        {"steps": [1]},
        {"steps": None},
        {"name": " "},
        {"name": "n" * 201},
        {"name": 7},
        {"sealed": "yes"},
        {"state": "finished"},
        [],
        "all",
    ],
)
def test_a_hostile_body_is_refused(client: Client, body: Any) -> None:
    assert client.post(PATH, json=body).status_code == 422


def test_a_body_has_at_most_4_mib_and_the_other_routes_keep_their_limit(client: Client) -> None:
    padding = " " * (4 * 1024 * 1024)
    answer = client.post(PATH, data="{}" + padding, content_type="application/json")
    assert answer.status_code == 413
    most = client.post(PATH, data=("{}" + padding)[: len(padding)], content_type="application/json")
    assert most.status_code == 201
    refused_path = client.post("/api/admin/jobs", data="{}" + padding[:70_000])
    assert refused_path.status_code == 413
    values = json.dumps({"steps": [{"subreddit": "x", "after": ["a"] * 1_000}] * 260})
    assert client.post(PATH, data=values, content_type="application/json").status_code == 422


def test_a_token_has_one_large_body_at_a_time(client: Client, database: Database) -> None:
    turns = state.of(client.application).large_bodies
    assert turns.begin("bootstrap", is_exempt=False)
    large = json.dumps({"steps": [step("a")]}) + " " * 70_000
    answer = client.post(PATH, data=large, content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (429, "too_many_large_bodies")
    assert int(answer.headers["Retry-After"]) > 0
    created(client, step("small"))
    turns.end("bootstrap")
    for _ in range(2):  # also after a refusal, the turn is free again
        answer = client.post(PATH, data=large, content_type="application/json")
        assert answer.status_code == 201
        broken = client.post(PATH, data=large + "x", content_type="application/json")
        assert broken.status_code == 400


def test_a_repeated_request_creates_one_group(client: Client) -> None:
    headers = {"Idempotency-Key": "one"}
    body = {"steps": [step("a")]}
    first, second = (client.post(PATH, json=body, headers=headers) for _ in range(2))
    assert first.get_json() == second.get_json()
    assert first.headers["ETag"] == second.headers["ETag"]
    assert len(client.get(PATH).get_json()["items"]) == 1


def test_groups_are_listed_with_filters_and_cursors(client: Client, database: Database) -> None:
    open_one = created(client, step("a"), name="Nightly", sealed=False)
    running = created(client, step("b"), name="nightly")
    done = created(client)
    resolve(database)
    failed = created(client, step("c"))
    resolve(database)
    end(database, steps(client, failed["id"])["c"]["job_id"], how="failed")

    def listed(query: str) -> list[int]:
        return [each["id"] for each in client.get(f"{PATH}?{query}").get_json()["items"]]

    newest_first = [each["id"] for each in (failed, done, running, open_one)]
    assert listed("") == newest_first
    assert listed("state=open") == [running["id"], open_one["id"]]
    assert listed("state=finished") == [failed["id"], done["id"]]
    assert listed("state=succeeded") == [done["id"]]
    assert listed("state=failed") == [failed["id"]]
    assert listed("state=paused") == []
    assert listed("name=NIGHTLY") == [running["id"], open_one["id"]]
    assert listed("name=night") == []
    assert listed("subreddit=r/SUB_B") == [running["id"]]
    assert listed("subreddit=sub_b&name=other") == []
    assert listed("subreddit=nowhere") == []
    seen, url = [], f"{PATH}?limit=1"
    while url:
        page = client.get(url)
        seen += [each["id"] for each in page.get_json()["items"]]
        url = page.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert seen == newest_first
    assert client.get(f"{PATH}?state=blocked").status_code == 422


def test_steps_are_listed_with_filters_and_cursors(client: Client, database: Database) -> None:
    group = created(client, step("a"), step("b"), step("c", "a"), step("d", "c"))
    resolve(database)
    end(database, steps(client, group["id"])["a"]["job_id"], how="failed")
    path = f"{PATH}/{group['id']}/steps"

    def listed(query: str) -> str:
        return "".join(each["key"] for each in client.get(f"{path}?{query}").get_json()["items"])

    assert listed("") == "abcd"
    assert listed("state=failed") == "a"
    assert listed("state=skipped") == "cd"
    assert listed("state=skipped&state=enqueued") == "bcd"
    assert listed("subreddit=sub_c") == "c"
    assert listed("subreddit=sub_c&state=failed") == ""
    first = client.get(f"{path}?limit=3").get_json()
    assert listed(f"limit=3&cursor={first['next']}") == "d"
    other = created(client, step("x"))
    cursor = client.get(f"{PATH}/{other['id']}/steps?cursor={first['next']}")
    assert cursor.status_code == 400
    assert client.get(f"{PATH}/999999/steps").status_code == 404


def test_a_creation_is_audited_with_its_group(client: Client, database: Database) -> None:
    group = created(client, step("a"), name="n", sealed=False)
    client.post(f"{PATH}/{group['id']}/steps", json={"steps": [step("b")]})
    with database.read() as conn:
        filters = audit_log.AuditFilter(resource_type="job_group", resource_id=str(group["id"]))
        added, made = audit_log.list_entries(conn, filters=filters).entries
    assert (made.action, made.before) == ("create", None)
    assert made.after is not None
    assert (made.after["name"], made.after["steps"]) == ("n", 1)
    assert added.after is not None
    assert (added.action, added.after["added"], added.after["first_keys"]) == (
        "add_steps",
        1,
        ["b"],
    )
    assert added.before is not None
    assert (added.before["steps"], added.after["steps"]) == (1, 2)


def test_reads_and_changes_need_their_scopes(client: Client) -> None:
    def with_scope(scope: str) -> Client:
        body = {"name": scope, "scopes": [scope]}
        made = client.post("/api/admin/tokens", json=body).get_json()
        return admin_api.with_token(client.application, made["token"])

    reader, changer = with_scope("read"), with_scope("jobs")
    group = created(changer, step("a"))
    assert shown(reader, group["id"])["created_by"] == "jobs"
    assert reader.post(PATH, json={}).status_code == 403
    for path in (PATH, f"{PATH}/{group['id']}", f"{PATH}/{group['id']}/steps"):
        assert reader.get(path).status_code == 200
        assert changer.get(path).status_code == 403


def test_an_old_version_adds_no_steps(client: Client) -> None:
    group = created(client, step("a"), sealed=False)
    path = f"{PATH}/{group['id']}/steps"
    tag = client.get(f"{PATH}/{group['id']}").headers["ETag"]
    added = client.post(path, json={"steps": [step("b")]}, headers={"If-Match": tag})
    assert added.status_code == 200
    late = client.post(path, json={"steps": [step("c")]}, headers={"If-Match": tag})
    assert late.status_code == 412
    assert states(client, group["id"]).keys() == {"a", "b"}


def test_two_requests_add_the_same_step_once(client: Client) -> None:
    group = created(client, sealed=False)
    path = f"{PATH}/{group['id']}/steps"
    statuses: list[int] = []

    def add() -> None:
        own = admin_api.with_token(client.application)
        statuses.append(own.post(path, json={"steps": [step("b")]}).status_code)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 422, 422, 422]
    assert group_calls.shown(client, group["id"])["steps"] == 1
