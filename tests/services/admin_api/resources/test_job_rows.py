"""Lists of jobs for dashboards: by ids, in a short form, and 304 while nothing has changed."""

from functools import partial
from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from admin_api.schemas.job_filter import IDS_MAX
from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue import job_reads
from support import jobs as factory
from support import plans
from support.admin_api import openapi_document
from support.waiting import wait_until

JOBS = "/api/admin/jobs"
ROWS = f"{JOBS}/rows"
Client = flask.testing.FlaskClient


def got(client: Client, path: str, status: int = 200) -> dict[str, Any]:
    response = client.get(path)
    assert response.status_code == status, response.text
    found = response.get_json()
    assert isinstance(found, dict)
    return found


def in_each_status(database: Database) -> list[int]:
    with database.begin() as conn:
        return [
            factory.in_status(conn, status, f"in_{status}")
            for status in sorted(JobStatus, key=lambda one: one is JobStatus.QUEUED)
        ]


def test_a_row_has_the_values_of_the_job_in_fewer_bytes(client: Client, database: Database) -> None:
    in_each_status(database)
    with database.begin() as conn:
        conn.execute(
            text(
                "UPDATE crawl_jobs SET error_kind = 'permanent', "
                "error_message = repeat('x', 500) WHERE status = 'failed'"
            )
        )
    jobs, rows = got(client, JOBS), got(client, ROWS)
    assert len(rows["items"]) == len(JobStatus)
    for job, row in zip(jobs["items"], rows["items"], strict=True):
        plain = {
            name: row[name] for name in row.keys() - {"progress", "error", "obstacle", "waits_for"}
        }
        assert plain == {name: job[name] for name in plain}
        assert row["error"] == (job["error_message"] and job["error_message"][:120])
        assert row["progress"] == {name: job["progress"][name] for name in row["progress"]}
    assert len(client.get(ROWS).data) < 0.5 * len(client.get(JOBS).data)


def test_rows_have_the_filters_the_orders_and_the_pages_of_the_list(
    client: Client, database: Database
) -> None:
    in_each_status(database)
    found: list[int] = []
    cursor = ""
    while True:
        page = got(client, f"{ROWS}?limit=2&sort=created_at{cursor}")
        found += [row["id"] for row in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == [job["id"] for job in got(client, f"{JOBS}?sort=created_at")["items"]]
    assert [row["status"] for row in got(client, f"{ROWS}?status=failed")["items"]] == ["failed"]
    other = got(client, f"{JOBS}?limit=2")["next"]
    assert got(client, f"{ROWS}?limit=2&cursor={other}", 400)["code"] == "invalid_cursor"


@pytest.mark.parametrize("path", [JOBS, ROWS])
def test_known_jobs_are_read_by_their_ids(client: Client, database: Database, path: str) -> None:
    ids = in_each_status(database)
    asked = [ids[3], ids[1], ids[3], 999_999]
    found = got(client, f"{path}?" + "&".join(f"ids={each}" for each in asked))
    assert [each["id"] for each in found["items"]] == sorted({ids[1], ids[3]})
    assert found["next"] is None
    assert got(client, f"{path}?ids={2**63 - 1}")["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        "ids=",
        "ids=0",
        "ids=-1",
        "ids=x",
        f"ids={2**63}",
        "ids=1&status=failed",
        "ids=1&limit=5",
        "ids=1&sort=created_at",
        "&".join(f"ids={number}" for number in range(1, IDS_MAX + 2)),
    ],
)
def test_ids_are_bounded_and_stand_alone(client: Client, query: str) -> None:
    """An empty list of ids never means all jobs."""
    problem = got(client, f"{JOBS}?{query}", 422)
    assert problem["errors"][0]["pointer"].startswith("/ids")


def test_as_many_ids_as_are_allowed_are_read_by_the_primary_key(conn: Connection) -> None:
    conn.execute(
        text("INSERT INTO subreddits (name) SELECT 's' || n FROM generate_series(1, 5000) AS n")
    )
    conn.execute(
        text(
            "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source) "
            "SELECT id, 'queued', 5, 5, 'user' FROM subreddits"
        )
    )
    conn.execute(text("ANALYZE crawl_jobs, subreddits"))
    values = {"ids": list(range(1, IDS_MAX + 1)), "now": None}
    plan = plans.generic_plan(conn, job_reads._GET_EACH, values)
    assert set(plans.tables_scanned(plan)) <= {"queue_pauses", "reddit_budgets", "scheduled_jobs"}


def _is_unchanged(client: Client, path: str) -> bool:
    """Return whether the second request gets the short answer for unchanged data."""
    tag = client.get(path).headers["ETag"]
    again = client.get(path, headers={"If-None-Match": tag})
    return (again.status_code, again.data) == (304, b"") and len(str(again.headers)) < 300


def test_every_list_is_answered_304_while_it_has_not_changed(
    client: Client, database: Database
) -> None:
    in_each_status(database)
    with database.begin() as conn:
        factory.enqueue(conn, "more")
    document = openapi_document(client.application)
    lists = [
        path
        for path, item in document["paths"].items()
        if "304" in item.get("get", {}).get("responses", {}) and "{" not in path
    ]
    assert {JOBS, ROWS, "/api/admin/subreddits", "/api/admin/queue/pauses"} <= set(lists)
    assert len(lists) >= 12
    for path in lists:
        first = client.get(path)
        if first.status_code == 409:  # webhooks are off
            continue
        # Other tests use the same server and may change the numbers of the system.
        wait_until(partial(_is_unchanged, client, path), timeout=20, describe=path)
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    tag = client.get(JOBS).headers["ETag"]
    client.post(JOBS, json={"subreddit": "new_one"})
    assert client.get(JOBS, headers={"If-None-Match": tag}).status_code == 200
    assert client.get(f"{JOBS}?limit=1", headers={"If-None-Match": tag}).status_code == 200
    assert client.get(f"{JOBS}?limit=x", headers={"If-None-Match": "*"}).status_code == 422
