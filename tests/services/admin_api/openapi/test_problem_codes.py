"""Each operation really returns each problem code that the document lists for it alone.

The codes of tokens, bodies and keys, which many operations share, have tests of their own. The
tests' client checks the other direction: an operation returns no code that it does not list.
"""

import json
from collections.abc import Iterator
from typing import Any

import flask.testing
import pytest

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from crawljobs.domain.reddit_items import Account
from support import crawled, webhooks
from support import jobs as factory
from support.admin_api import openapi_document

Client = flask.testing.FlaskClient
METHODS = ("get", "post", "put", "patch", "delete")
ADMIN = "/api/admin"
SCHEDULE = {"name": "one", "subreddit": "python", "cron_expression": "@daily"}
IDS = ("job_id", "schedule_id", "group_id", "operation_id", "endpoint_id", "delivery_id")
UNKNOWN = {
    **dict.fromkeys(IDS, 999),
    "step_key": "unknown",
    "subreddit": "nowhere",
    "token_id": "f" * 12,
    "post_id": "unknown",
    "author": "unknown",
}
FIRST = {
    **dict.fromkeys(IDS, 1),
    "step_key": "first",
    "subreddit": "python",
    "token_id": "0" * 12,
    "post_id": "first",
    "author": "first",
}
GROUP = {"steps": [{"key": "first", "subreddit": "python"}]}
SOON, LATE = "2199-01-01T00:00:00Z", "2299-01-01T00:00:00Z"


class Operations:
    """Sends the requests of the operations that list a code, with their example bodies."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.document = openapi_document(client.application)

    def listing(self, code: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if code in item.get(method, {}).get("x-problem-codes", ()):
                    yield method, path, item[method]

    def send(
        self,
        method: str,
        path: str,
        operation: dict[str, Any],
        ids: dict[str, Any],
        if_match: str = "*",
        **changes: Any,
    ) -> str:
        """Return the code of the response; "" for success."""
        body = None
        for content in operation.get("requestBody", {}).get("content", {}).values():
            example = json.dumps(next(iter(content["examples"].values()))["value"] | changes)
            body = json.loads(webhooks.with_inside_host(example))
        response = self.client.open(
            path.format(**ids), method=method, json=body, headers={"If-Match": if_match}
        )
        found: str = (response.get_json(silent=True) or {}).get("code", "")
        return found


@pytest.fixture
def operations(client: Client) -> Operations:
    return Operations(client)


def test_unknown_objects_are_not_found(operations: Operations) -> None:
    found = list(operations.listing("not_found"))
    assert len(found) > 15
    for method, path, operation in found:
        name = "subreddit" if path.startswith("/api/export/") else "around"
        asked = path if "{" in path else f"{path}?{name}=unknown_name"
        assert operations.send(method, asked, operation, UNKNOWN) == "not_found", path


def test_each_operation_refuses_an_unknown_parameter(operations: Operations) -> None:
    found = list(operations.listing("unknown_parameter"))
    operations.client.post(f"{ADMIN}/scheduled-jobs", json=SCHEDULE)
    operations.client.post(f"{ADMIN}/groups", json=GROUP)
    assert len(found) == sum(
        method in METHODS for item in operations.document["paths"].values() for method in item
    )
    for method, path, operation in found:
        code = operations.send(method, f"{path}?nothing=1", operation, FIRST)
        assert code == "unknown_parameter", path


def test_cursors_of_other_lists_are_refused(operations: Operations, database: Database) -> None:
    operations.client.post(f"{ADMIN}/scheduled-jobs", json=SCHEDULE)
    operations.client.post(f"{ADMIN}/groups", json=GROUP)
    operations.client.post(f"{ADMIN}/webhooks", json=webhooks.ENDPOINT)
    with database.begin() as conn:
        crawled.store(conn, crawled.post("first", author=Account("first")))
    found = list(operations.listing("invalid_cursor"))
    assert len(found) > 5
    for _, path, _ in found:
        answer = operations.client.get(path.format(**FIRST) + "?cursor=x")
        assert answer.json is not None
        assert answer.json["code"] == "invalid_cursor", path


def test_another_version_is_refused(operations: Operations, database: Database) -> None:
    operations.client.post(f"{ADMIN}/scheduled-jobs", json=SCHEDULE)
    operations.client.post(f"{ADMIN}/groups", json=GROUP)
    operations.client.post(f"{ADMIN}/jobs", json={"subreddit": "python"})
    operations.client.post(f"{ADMIN}/webhooks", json=webhooks.ENDPOINT)
    token = {"name": "x", "scopes": ["read"]}
    made = operations.client.post(f"{ADMIN}/tokens", json=token).json
    assert made is not None
    ids = FIRST | {"token_id": made["id"]}
    found = list(operations.listing("precondition_failed"))
    assert len(found) > 10
    for method, path, operation in found:
        code = operations.send(method, path, operation, ids, if_match='"999"')
        assert code == "precondition_failed", path


def test_states_that_do_not_allow_a_change(operations: Operations, database: Database) -> None:
    found = list(operations.listing("illegal_transition"))
    assert len(found) == 8
    for number, (method, path, operation) in enumerate(found):
        codes = []
        for status in (JobStatus.CRAWLING, JobStatus.CANCELLED):
            with database.begin() as conn:
                job_id = factory.in_status(conn, status, f"{status}_{number}")
            codes.append(operations.send(method, path, operation, {"job_id": job_id}))
        assert "illegal_transition" in codes, path


def test_a_second_live_job_is_refused(operations: Operations, database: Database) -> None:
    with database.begin() as conn:
        job_id = factory.in_status(conn, JobStatus.FAILED)
        factory.in_status(conn, JobStatus.QUEUED)
    found = list(operations.listing("live_job_exists"))
    assert found
    for method, path, operation in found:
        code = operations.send(method, path, operation, {"job_id": job_id}, status="queued")
        assert code == "live_job_exists", path


def test_bulk_changes_refuse_other_numbers_of_jobs(
    operations: Operations, database: Database
) -> None:
    def codes(listed: str, **selection: Any) -> set[str]:
        return {
            operations.client.open(path, method=method, json=body | {"filter": {}, **selection})
            .get_json()
            .get("code")
            for method, path, operation in operations.listing(listed)
            for body in [bulk_body(operation)]
        }

    assert codes("count_mismatch", expected_count=7) == {"count_mismatch"}
    with database.begin() as conn:
        conn.exec_driver_sql("""
            WITH made AS (
                INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, 1001) AS n
                RETURNING id
            )
            INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source)
            SELECT id, 'queued', 1, 1, 'user' FROM made
            """)
    assert codes("too_many_matches", dry_run=True) == {"too_many_matches"}


def bulk_body(operation: dict[str, Any]) -> dict[str, Any]:
    (content,) = operation["requestBody"]["content"].values()
    example = next(iter(content["examples"].values()))["value"]
    return {name: value for name, value in example.items() if name not in ("job_ids", "dry_run")}


def test_a_resumed_queue_is_not_paused(operations: Operations) -> None:
    ((method, path, operation),) = operations.listing("not_paused")
    assert operations.send(method, path, operation, {}) == "not_paused"


def test_names_are_used_once(operations: Operations) -> None:
    client = operations.client
    client.post(f"{ADMIN}/scheduled-jobs", json=SCHEDULE)
    client.post(f"{ADMIN}/scheduled-jobs", json={**SCHEDULE, "name": "two"})
    token = client.post(f"{ADMIN}/tokens", json={"name": "x", "scopes": ["tokens"]}).json
    client.post(f"{ADMIN}/tokens", json={"name": "two", "scopes": ["tokens"]})
    assert token is not None
    found = list(operations.listing("duplicate_name"))
    assert len(found) == 4
    for method, path, operation in found:
        if path.endswith("/tokens"):
            answer = client.post(
                path,
                json={"name": "two", "scopes": ["tokens"]},
                headers={"Authorization": f"Bearer {token['token']}"},
            )
            assert answer.json is not None
            assert answer.json["code"] == "duplicate_name"
        else:
            code = operations.send(method, path, operation, {"schedule_id": 1}, name="two")
            assert code == "duplicate_name", (method, path)


def test_a_schedule_of_a_listing_cannot_run(operations: Operations, database: Database) -> None:
    operations.client.post(f"{ADMIN}/scheduled-jobs", json=SCHEDULE)
    operations.client.post(f"{ADMIN}/groups", json=GROUP)
    with database.begin() as conn:
        conn.exec_driver_sql("UPDATE subreddits SET name = 'all'")
    ((method, path, operation),) = operations.listing("subreddit_gone")
    assert operations.send(method, path, operation, FIRST) == "subreddit_gone"


def test_tokens_have_limits(operations: Operations) -> None:
    """Covers too_many_tokens, token_revoked and insufficient_lifetime."""
    client = operations.client

    def made(name: str, expires_at: str | None = None, by: str | None = None) -> dict[str, Any]:
        headers = {} if by is None else {"Authorization": f"Bearer {by}"}
        body = {"name": name, "scopes": ["tokens"], "expires_at": expires_at}
        found: dict[str, Any] = client.post(f"{ADMIN}/tokens", json=body, headers=headers).json  # type: ignore[assignment]
        return found

    short, long = made("short", SOON), made("long", LATE)
    assert made("x", LATE, by=short["token"])["code"] == "insufficient_lifetime"
    assert [made("two").get("code", "") for _ in range(3)] == ["", "", "too_many_tokens"]
    path = f"{ADMIN}/tokens/{long['id']}"
    as_short = {"Authorization": f"Bearer {short['token']}"}
    codes = [
        (client.delete(path, headers=headers).json or {}).get("code", "")
        for headers in (as_short, {}, {})
    ]
    assert codes == ["insufficient_lifetime", "", "token_revoked"]
    for code, number in (
        ("insufficient_lifetime", 2),
        ("too_many_tokens", 1),
        ("token_revoked", 1),
    ):
        assert len(list(operations.listing(code))) == number
