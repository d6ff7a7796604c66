"""Each list keeps its order over pages, also for equal sort keys, and lists are bounded."""

from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database

Client = flask.testing.FlaskClient
ADMIN = "/api/admin"
ROWS = """
    INSERT INTO subreddits (name) VALUES ('b_sub'), ('A_sub'), ('c_sub');
    INSERT INTO api_tokens (id, name, token_hash, scopes, created_by)
    SELECT id, name, decode(repeat('00', 32), 'hex'), '{read}', 'x'
    FROM (VALUES ('00000000000c', 'two'), ('00000000000a', 'one'), ('00000000000b', 'two'),
        ('00000000000d', 'one')) AS token (id, name);
    INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, enabled)
    SELECT name, 1, '@daily', false FROM (VALUES ('z'), ('y'), ('x')) AS schedule (name);
    INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome)
    SELECT schedule, CAST(due AS timestamptz), 'missed' FROM (VALUES
        (1, '2031-01-02T00:00:00Z'), (1, '2031-01-03T00:00:00Z'), (1, '2031-01-01T00:00:00Z'),
        (2, '2031-01-04T00:00:00Z')) AS run (schedule, due);
    INSERT INTO service_instances (name, role, version, started_at, seen_at, details)
    SELECT name, 'scheduler', '1', now(), now(), '{}'
    FROM (VALUES ('w-2'), ('w-1'), ('w-3')) AS w (name);
    INSERT INTO admin_audit_log (actor, action, resource_type, at)
    SELECT 'x', 'y', 'z', '2031-01-01T00:00:00Z' FROM generate_series(1, 4);
    INSERT INTO queue_pauses (scope, reason, paused_by)
    VALUES (3, 'x', 'y'), (0, 'x', 'y'), (1, 'x', 'y');
"""
LISTS: list[tuple[str, str, list[Any]]] = [
    ("tokens", "id", ["00000000000a", "00000000000d", "00000000000b", "00000000000c"]),
    ("scheduled-jobs", "id", [1, 2, 3]),
    (
        "scheduled-jobs/1/runs",
        "due_at",
        ["2031-01-03T00:00:00Z", "2031-01-02T00:00:00Z", "2031-01-01T00:00:00Z"],
    ),
    ("subreddits", "name", ["A_sub", "b_sub", "c_sub"]),
    ("workers", "name", ["w-1", "w-2", "w-3"]),
    ("audit-log", "id", [4, 3, 2, 1]),
]


def run(conn: Connection, script: str, **values: Any) -> None:
    for statement in script.split(";\n"):
        if statement.strip():
            escaped = statement if values else statement.replace(":", "\\:")
            conn.execute(text(escaped), values)


def walked(client: Client, path: str, size: int) -> list[dict[str, Any]]:
    """Return all items of a list, read in pages of this size.

    Each page but the last is full and has a cursor. A page after the first is never empty.
    """
    items: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": size}
    while True:
        page = client.get(f"{ADMIN}/{path}", query_string=query).get_json()
        items += page["items"]
        assert page["items"] or "cursor" not in query
        if page["next"] is None:
            return items
        assert len(page["items"]) == size
        query["cursor"] = page["next"]


@pytest.mark.parametrize(("path", "key", "expected"), LISTS, ids=[path for path, *_ in LISTS])
def test_a_list_has_its_order_whatever_the_size_of_a_page(
    client: Client, database: Database, path: str, key: str, expected: list[Any]
) -> None:
    with database.begin() as conn:
        run(conn, ROWS)
    for size in (1, 2, len(expected), 500):
        assert [item[key] for item in walked(client, path, size)] == expected, size


def test_a_list_with_the_longest_names_has_a_next_page(client: Client, database: Database) -> None:
    names = ["".join(chr(first + n) for n in range(200)) for first in (0x1F300, 0x20000)]
    with database.begin() as conn:
        for name in names:
            run(
                conn,
                "INSERT INTO service_instances (name, role, version, started_at, seen_at, details)"
                " VALUES (:name, 'scheduler', '1', now(), now(), '{}')",
                name=name,
            )
    assert [item["name"] for item in walked(client, "workers", 1)] == names


def test_the_pause_of_everything_is_listed_first(client: Client, database: Database) -> None:
    with database.begin() as conn:
        run(conn, ROWS)
    found = client.get(f"{ADMIN}/queue/pauses").get_json()["items"]
    assert [item["subreddit"] for item in found] == [None, "b_sub", "c_sub"]


# One row more than the API shows, in each table.
MANY = """
    INSERT INTO subreddits (name) SELECT 's_' || n FROM generate_series(1, 510) AS n;
    INSERT INTO queue_pauses (scope, reason, paused_by)
    SELECT id, 'x', 'y' FROM subreddits WHERE id <= 501;
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, finished_at)
    SELECT 1, 'succeeded', 1, 1, 'user', now() FROM generate_series(1, 21);
    INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome)
    SELECT 1, 'w' || n, now(), now(), 'released' FROM generate_series(1, 101) AS n;
    INSERT INTO admin_audit_log (actor, action, resource_type, resource_id)
    SELECT 'x', 'y' || n, 'crawl_job', '1' FROM generate_series(1, 51) AS n;
    INSERT INTO missing_parts (subreddit_id, kind, item, reason, message, next_look_at)
    SELECT 1, CASE WHEN n = 101 THEN 'history' ELSE 'tree' END, 'i' || lpad(n || '', 3, '0'),
        'trouble', 'x', CASE WHEN n = 50 THEN '2031-01-01' ELSE timestamptz '2031-01-02' END
    FROM generate_series(1, 101) AS n;
    INSERT INTO crawl_gaps (subreddit_id, listing, from_item, to_item, to_at)
    SELECT 1, 'posts', 'i' || lpad(n || '', 3, '0'), 'z',
        CASE WHEN n = 50 THEN '2031-01-02' ELSE timestamptz '2031-01-01' END
    FROM generate_series(1, 101) AS n;
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,
        claim_token, claimed_by, claimed_at, lease_expires_at)
    SELECT id, 'crawling', 1, 1, 'user', gen_random_uuid(), 'w', now(), now()
    FROM subreddits WHERE id BETWEEN 2 AND 102;
"""


@pytest.fixture
def many(client: Client, database: Database) -> Client:
    with database.begin() as conn:
        run(conn, MANY)
    return client


def test_what_a_subreddit_shows_is_bounded_and_in_order(many: Client) -> None:
    shown = many.get(f"{ADMIN}/subreddits/1").get_json()
    assert [job["id"] for job in shown["jobs"]] == list(range(21, 1, -1))
    parts = [(part["kind"], part["item"]) for part in shown["missing"]]
    trees = [("tree", f"i{number:03}") for number in range(1, 101)]
    assert parts == [trees[49], ("history", "i101"), *trees[:49], *trees[50:99]]
    gaps = [gap["from_item"] for gap in shown["gap_ranges"]]
    assert gaps == ["i050", *(f"i{number:03}" for number in range(1, 101) if number != 50)]


def test_what_a_job_shows_is_bounded_and_newest_first(many: Client) -> None:
    shown = many.get(f"{ADMIN}/jobs/1").get_json()
    assert [one["worker"] for one in shown["attempts"]] == [f"w{n}" for n in range(101, 1, -1)]
    assert [one["action"] for one in shown["audit_log"]] == [f"y{n}" for n in range(51, 1, -1)]


def test_the_lists_of_pauses_and_of_crawls_are_bounded(many: Client) -> None:
    assert len(many.get(f"{ADMIN}/queue/pauses").get_json()["items"]) == 500
    everything = many.get("/api/crawl/status").get_json()
    of_one = many.get("/api/crawl/status?subreddit=s_1").get_json()
    assert len(everything["jobs"]) == 100
    assert [job["id"] for job in of_one["jobs"]] == list(range(21, 11, -1))
