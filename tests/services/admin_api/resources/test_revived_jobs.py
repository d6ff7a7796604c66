"""A retried job opens its step again, in each of the ways to retry a job, also after a cancel."""

from typing import Any

from crawljobs.db.database import Database
from support import group_calls, groups
from support.group_calls import Client, created, end, resolve, shown, states, step

JOBS = "/api/admin/jobs"
GROUPS = group_calls.PATH


def retry(client: Client, job_id: int) -> Any:
    return client.post(f"{JOBS}/{job_id}/retry")


def status(client: Client, job_id: int) -> Any:
    return client.put(f"{JOBS}/{job_id}/status", json={"status": "queued"})


def bulk_retry(client: Client, job_id: int) -> Any:
    return client.post(f"{JOBS}/bulk/retry", json={"job_ids": [job_id]})


def bulk_status(client: Client, job_id: int) -> Any:
    return client.put(f"{JOBS}/bulk/status", json={"job_ids": [job_id], "status": "queued"})


def retry_by_filter(client: Client, job_id: int) -> Any:
    wanted = {"filter": {"status": ["failed", "cancelled"]}, "expected_count": 2}
    return client.post(f"{JOBS}/bulk/retry", json=wanted)


def retry_of_another_group(client: Client, job_id: int) -> Any:
    """Another group has a failed step that follows the same job."""
    found = client.get(f"{JOBS}/{job_id}").get_json()["steps"]
    (other,) = {each["group_id"] for each in found} - {min(each["group_id"] for each in found)}
    return client.post(f"{GROUPS}/{other}/retry-failed")


# The filter finds the jobs of all groups, so it comes first.
WAYS = (retry_by_filter, retry, status, bulk_retry, bulk_status, retry_of_another_group)


def job_of(client: Client, group_id: int, key: str) -> int:
    return int(group_calls.steps(client, group_id)[key]["job_id"])


def cancelled_group(client: Client, database: Database, run: object) -> int:
    """Return a finished, cancelled group.

    Its step `bad` failed before the cancel, so two steps were skipped. Another group shares the job
    of that step.
    """

    def named(key: str, *after: Any) -> dict[str, Any]:
        return {**step(key, *after), "subreddit": f"{key}_{run}"}

    made = created(
        client,
        named("bad"),
        named("b", "bad"),
        named("c", "b"),
        named("own"),
        named("late", "own"),
    )
    other = created(client, named("bad"))
    resolve(database)
    group_id = int(made["id"])
    end(database, job_of(client, group_id, "bad"), how="failed")
    assert client.post(f"{GROUPS}/{group_id}/cancel").status_code == 200
    resolve(database)
    group = shown(client, group_id)
    assert (group["outcome"], group["cancelled_at"] is None) == ("cancelled", False)
    assert shown(client, other["id"])["outcome"] == "failed"
    assert states(client, group_id) == {
        "bad": "failed",
        "b": "skipped",
        "c": "skipped",
        "own": "cancelled",
        "late": "cancelled",
    }
    return group_id


def test_cases_9_and_20_each_way_to_retry_a_job_opens_its_cancelled_group(
    client: Client, database: Database
) -> None:
    for run, way in enumerate(WAYS):
        group_id = cancelled_group(client, database, run)
        answer = way(client, job_of(client, group_id, "bad"))
        assert answer.status_code == 200, (way, answer.text)
        resolve(database)
        by_filter = way is retry_by_filter  # it retries the job of `own` too
        assert states(client, group_id) == {
            "bad": "enqueued",
            "b": "pending",
            "c": "pending",
            "own": "enqueued" if by_filter else "cancelled",
            "late": "cancelled",
        }, way
        group = shown(client, group_id)
        assert (group["generation"], group["outcome"], group["cancelled_at"]) == (2, None, None)
        for key in ("bad", "b", "c", *(["own"] if by_filter else [])):
            end(database, job_of(client, group_id, key))
        assert states(client, group_id)["late"] == "cancelled"
        with database.begin() as conn:
            assert groups.finishes(conn, group_id) == [(1, "cancelled"), (2, "partly")]


def test_the_retried_job_of_a_cancelled_step_opens_this_step_alone(
    client: Client, database: Database
) -> None:
    group_id = cancelled_group(client, database, "x")
    assert retry(client, job_of(client, group_id, "own")).status_code == 200
    resolve(database)
    assert states(client, group_id) == {
        "bad": "failed",
        "b": "skipped",
        "c": "skipped",
        "own": "enqueued",
        "late": "cancelled",
    }
    end(database, job_of(client, group_id, "own"))
    with database.begin() as conn:
        assert groups.finishes(conn, group_id) == [(1, "cancelled"), (2, "partly")]


def test_a_step_that_waits_for_the_job_of_another_step_is_opened_with_it(
    client: Client, database: Database
) -> None:
    """The group is still marked as cancelled in the transaction that opens it."""
    job_id = client.post(JOBS, json={"subreddit": "sub_bad"}).get_json()["job"]["id"]
    made = created(client, step("bad"), step("b", {"job": job_id}), step("own"))
    resolve(database)
    end(database, job_id, how="failed")
    client.post(f"{GROUPS}/{made['id']}/cancel")
    resolve(database)
    assert states(client, made["id"]) == {"bad": "failed", "b": "skipped", "own": "cancelled"}
    assert retry(client, job_id).status_code == 200
    resolve(database)
    assert states(client, made["id"]) == {"bad": "enqueued", "b": "pending", "own": "cancelled"}


def test_a_held_step_waits_again_when_its_upstream_is_retried(
    client: Client, database: Database
) -> None:
    made = created(client, step("bad"), step("b", "bad", on_upstream_failure="hold"))
    resolve(database)
    job_id = job_of(client, made["id"], "bad")
    end(database, job_id, how="failed")
    assert states(client, made["id"]) == {"bad": "failed", "b": "held"}
    assert retry(client, job_id).status_code == 200
    resolve(database)
    found = group_calls.steps(client, made["id"])["b"]
    assert (found["state"], found["reason"], found["waiting_for"]) == ("pending", None, 1)
    end(database, job_id)
    assert states(client, made["id"]) == {"bad": "succeeded", "b": "enqueued"}
