"""A dry run changes nothing, with and without an Idempotency-Key, on each route that takes one."""

import itertools
from collections.abc import Callable
from typing import Any

import flask.testing
import pytest

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support import jobs
from support.admin_api import openapi_document
from support.body_fields import fields_of
from support.counted import counted
from support.group_calls import PATH, created, end, resolve, steps
from support.stored_rows import row_hashes

Client = flask.testing.FlaskClient
ADMIN = "/api/admin"
numbers = itertools.count(1)


def held(client: Client, database: Database) -> str:
    """Create a group whose step b is held, because step a failed. Return its path."""
    name = f"s{next(numbers)}"
    first = {"key": "a", "subreddit": f"{name}_a"}
    second = {"key": "b", "subreddit": f"{name}_b", "after": ["a"], "on_upstream_failure": "hold"}
    group = created(client, first, second, sealed=False)
    resolve(database)
    end(database, steps(client, group["id"])["a"]["job_id"], how="failed")
    return f"{PATH}/{group['id']}"


def paused(client: Client, database: Database) -> str:
    path = held(client, database)
    assert client.post(f"{path}/pause").status_code == 200
    return path


def with_jobs(client: Client, database: Database) -> str:
    """Store a job in each state that a bulk change needs. Return the path of the changes."""
    with database.begin() as conn:
        for status in (JobStatus.QUEUED, JobStatus.FAILED, JobStatus.WAITING):
            jobs.in_status(conn, status, f"s{next(numbers)}")
    return f"{ADMIN}/jobs/bulk"


# The body of a change that has an effect after the preparation, for each route with a dry run.
CHANGES: dict[str, tuple[Callable[[Client, Database], str], dict[str, Any]]] = {
    "POST groups/{group_id}/seal": (held, {}),
    "POST groups/{group_id}/pause": (held, {}),
    "POST groups/{group_id}/resume": (paused, {}),
    "POST groups/{group_id}/cancel": (held, {}),
    "POST groups/{group_id}/boost": (held, {"boost": 7}),
    "POST groups/{group_id}/retry-failed": (held, {}),
    "POST groups/{group_id}/steps/{step_key}/proceed": (held, {}),
    "POST groups/{group_id}/steps/{step_key}/skip": (held, {}),
    "POST jobs/bulk/retry": (with_jobs, {"filter": {"status": ["failed"]}}),
    "POST jobs/bulk/boost": (with_jobs, {"filter": {"status": ["queued"]}, "boost": 7}),
    "POST jobs/bulk/cancel": (with_jobs, {"filter": {"status": ["queued"]}}),
    "POST jobs/bulk/wake": (with_jobs, {"filter": {"status": ["waiting"]}, "reason": "tests"}),
    "PUT jobs/bulk/status": (with_jobs, {"filter": {"status": ["queued"]}, "status": "cancelled"}),
}

# resources/test_webhooks.py tests this dry run, because it needs a key and an endpoint.
TESTED_ELSEWHERE = {"POST webhooks/{endpoint_id}/replay"}


def routes_with_dry_run(app: flask.Flask) -> set[str]:
    document = openapi_document(app)
    return {
        f"{method.upper()} {path.removeprefix(f'{ADMIN}/')}"
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if "dry_run" in fields_of(document, content["schema"])
    }


def without_times(answer: Any) -> dict[str, Any]:
    return {name: each for name, each in answer.get_json().items() if not name.endswith("_at")}


def test_each_route_with_a_dry_run_has_a_change_here(offline: Client) -> None:
    assert routes_with_dry_run(offline.application) - TESTED_ELSEWHERE == CHANGES.keys()


@pytest.mark.parametrize("route", CHANGES)
def test_a_dry_run_changes_nothing_with_and_without_an_idempotency_key(
    client: Client, database: Database, route: str
) -> None:
    prepare, change = CHANGES[route]
    start = prepare(client, database)
    method, _, path = route.partition(" ")
    ending = path.replace("{step_key}", "b").split("/", 2)[2]
    url = f"{start}/{ending}"

    def send(key: str, *, dry_run: bool, **more: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        body = {**change, "dry_run": dry_run, **more}
        return client.open(url, method=method, json=body, headers=headers)

    def hashes() -> dict[str, int]:
        return row_hashes(database, apart_from={"idempotency_keys"})

    before = hashes()
    with counted() as grown:
        plain = send("", dry_run=True)
        keyed, replayed = (send("dry", dry_run=True) for _ in range(2))
    assert hashes() == before
    assert not [name for name in grown if not name.startswith(("http_", "api_"))], grown
    assert (plain.status_code, keyed.status_code) == (200, 200), plain.text
    assert without_times(plain) == without_times(keyed)
    assert keyed.get_json() == replayed.get_json()
    if method == "POST":
        assert replayed.headers["Idempotency-Replayed"] == "true"
        # The key stands for the dry run, so the change itself needs another key.
        assert send("dry", dry_run=False).get_json()["code"] == "key_reused"
    count = {"expected_count": len(plain.get_json()["items"])} if "filter" in change else {}
    made = send("real", dry_run=False, **count)
    assert made.status_code == 200, made.text
    after = hashes()
    assert {table for table in after if after[table] != before[table]} > {"admin_audit_log"}
