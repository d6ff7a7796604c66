"""POST /api/admin/jobs with `after`, the steps of a job, and the filter of jobs by group."""

from typing import Any

import flask.testing
import pytest

from crawljobs.db.database import Database
from support.group_calls import PATH, created, end, resolve, shown, states, step, steps

JOBS = "/api/admin/jobs"
Client = flask.testing.FlaskClient


def enqueued(client: Client, subreddit: str, **more: Any) -> int:
    job_id: int = client.post(JOBS, json={"subreddit": subreddit, **more}).get_json()["job"]["id"]
    return job_id


def test_a_crawl_after_jobs_is_a_step_until_they_have_succeeded(
    client: Client, database: Database
) -> None:
    first, second = enqueued(client, "first"), enqueued(client, "second")
    body = {"subreddit": "r/Third", "after": [first, second], "priority": 70, "max_retries": 1}
    answer = client.post(JOBS, json=body)
    assert answer.status_code == 202
    waiting = answer.get_json()
    assert (waiting["state"], waiting["waiting_for"]) == ("pending", 2)
    assert (waiting["priority"], waiting["max_retries"]) == (70, 1)
    assert client.get(answer.headers["Location"]).get_json() == waiting
    group = shown(client, waiting["group_id"])
    assert (group["name"], group["steps"], group["sealed_at"] is None) == (None, 1, False)
    for job_id in (first, second):
        resolve(database)
        assert states(client, group["id"]) == {"Third": "pending"}
        end(database, job_id)
    (found,) = steps(client, group["id"]).values()
    assert found["state"] == "enqueued"
    job = client.get(f"{JOBS}/{found['job_id']}").get_json()
    assert (job["subreddit"], job["base_priority"], job["max_retries"]) == ("Third", 70, 1)


def test_a_crawl_after_a_failed_job_is_skipped(client: Client, database: Database) -> None:
    first = enqueued(client, "first")
    waiting = client.post(JOBS, json={"subreddit": "second", "after": [first]}).get_json()
    end(database, first, how="failed")
    assert states(client, waiting["group_id"]) == {"second": "skipped"}
    assert shown(client, waiting["group_id"])["outcome"] == "failed"


@pytest.mark.parametrize(
    ("after", "pointer"),
    [
        ([999], "/after/0"),
        ([0], "/after/0"),
        (["1"], "/after/0"),
        ([True], "/after/0"),
        ([2**63], "/after/0"),
        ([1.5], "/after/0"),
        ([[1]], "/after/0"),
        ([{"job": 1}], "/after/0"),
        ("all", "/after"),
        (1, "/after"),
        (None, "/after"),
        ([1] * 101, "/after"),
    ],
)
def test_hostile_upstreams_are_refused(client: Client, after: Any, pointer: str) -> None:
    answer = client.post(JOBS, json={"subreddit": "python", "after": after})
    assert answer.status_code == 422, answer.text
    assert [each["pointer"] for each in answer.get_json()["errors"]] == [pointer]
    assert client.get("/api/admin/groups").get_json()["items"] == []


def test_without_upstreams_the_crawl_is_enqueued_at_once(client: Client) -> None:
    assert client.post(JOBS, json={"subreddit": "python", "after": []}).status_code == 201


def test_a_job_shows_the_steps_that_follow_it_and_wait_for_it(
    client: Client, database: Database
) -> None:
    group = created(client, step("a"))
    resolve(database)
    job_id = steps(client, group["id"])["a"]["job_id"]
    waiting = client.post(JOBS, json={"subreddit": "other", "after": [job_id]}).get_json()
    job = client.get(f"{JOBS}/{job_id}").get_json()
    assert job["steps"] == [
        {
            "group_id": group["id"],
            "key": "a",
            "subreddit": "sub_a",
            "state": "enqueued",
            "relation": "follows",
        },
        {
            "group_id": waiting["group_id"],
            "key": "other",
            "subreddit": "other",
            "state": "pending",
            "relation": "waits",
        },
    ]
    assert job["steps_total"] == 2
    explained = client.get(f"{JOBS}/{job_id}/explain").get_json()
    assert (explained["steps"], explained["steps_total"]) == (job["steps"], 2)
    many = [step(f"k{at}", {"job": job_id}) for at in range(30)]
    created(client, *many)
    job = client.get(f"{JOBS}/{job_id}").get_json()
    assert (len(job["steps"]), job["steps_total"]) == (20, 32)


def test_the_steps_that_depend_on_a_job_and_the_job_behind_a_step(
    client: Client, database: Database
) -> None:
    group = created(
        client, step("a"), step("b", "a"), step("c", "b"), {**step("z"), "after": "all"}
    )
    waiting = created(client, step("d", {"group": group["id"]}))
    resolve(database)
    job_id = steps(client, group["id"])["a"]["job_id"]
    job = client.get(f"{JOBS}/{job_id}").get_json()
    found = [(each["group_id"], each["key"], each["relation"]) for each in job["steps"]]
    assert found == [
        (group["id"], "a", "follows"),
        (group["id"], "b", "later"),
        (group["id"], "z", "later"),
        (waiting["id"], "d", "later"),
    ]
    explained = client.get(f"{PATH}/{waiting['id']}/steps/d/explain").get_json()
    assert (explained["state"], explained["complete"]) == ("pending", True)
    last = explained["upstreams"][-1]
    assert (last["kind"], last["job_id"], last["is_root"]) == ("job", job_id, True)
    assert last["explanation"]["waits_for"] == "a crawler-worker: none was seen lately"
    assert f"job {job_id} of r/sub_a" in explained["summary"]
    unknown = client.get(f"{PATH}/{group['id']}/steps/none/explain")
    detail = f"There is no step none in group {group['id']}."
    assert (unknown.status_code, unknown.get_json()["detail"]) == (404, detail)
    assert client.get(f"{PATH}/999/steps/d/explain").status_code == 404


def test_jobs_are_listed_and_changed_by_their_group(client: Client, database: Database) -> None:
    group = created(client, step("a"), step("b"), step("c", "a"))
    other = created(client, step("d"), {"subreddit": "sub_b"})
    resolve(database)
    of_group = {each["job_id"] for each in steps(client, group["id"]).values()} - {None}

    def listed(query: str) -> set[int]:
        return {job["id"] for job in client.get(f"{JOBS}?{query}").get_json()["items"]}

    assert listed(f"group_id={group['id']}") == of_group
    assert listed(f"group_id={other['id']}") & of_group  # both groups follow the job of sub_b
    assert len(of_group) == 2
    assert listed("group_id=999") == set()
    assert listed(f"group_id={group['id']}&subreddit=sub_a&status=queued") == {
        steps(client, group["id"])["a"]["job_id"]
    }
    assert listed(f"group_id={group['id']}&status=failed") == set()
    first = client.get(f"{JOBS}?group_id={group['id']}&limit=1").get_json()
    second = listed(f"group_id={group['id']}&limit=1&cursor={first['next']}")
    assert {first["items"][0]["id"]} | second == of_group
    body = {"filter": {"group_id": group["id"]}, "expected_count": 2, "boost": 5}
    assert client.post(f"{JOBS}/bulk/boost", json=body).get_json()["succeeded"] == 2
