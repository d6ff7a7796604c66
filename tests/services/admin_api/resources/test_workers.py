"""The list of processes shows at most 1,000 running crawls."""

import flask.testing
from sqlalchemy import text

from crawljobs.db.database import Database

CRAWLS = 1_001
ROWS = """
    WITH made AS (
        INSERT INTO subreddits (name) SELECT 's_' || n FROM generate_series(1, :crawls) AS n
        RETURNING id
    ), job AS (
        INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,
            claim_token, claimed_by, claimed_at, lease_expires_at)
        SELECT id, 'crawling', 1, 1, 'user', gen_random_uuid(), 'w', now(), now() FROM made
    )
    INSERT INTO service_instances (name, role, version, started_at, seen_at, details)
    VALUES ('w', 'crawler-worker', '1', now(), now(), '{}')
"""


def test_a_worker_is_listed_with_at_most_a_thousand_crawls(
    client: flask.testing.FlaskClient, database: Database
) -> None:
    with database.begin() as conn:
        conn.execute(text(ROWS), {"crawls": CRAWLS})
    (worker,) = client.get("/api/admin/workers").get_json()["items"]
    assert len(worker["jobs"]) == 1_000


def test_a_worker_that_ends_its_crawls_is_shown_as_draining(
    client: flask.testing.FlaskClient, database: Database
) -> None:
    with database.begin() as conn:
        for name, details in (
            ("a", '{"draining": true}'),
            ("b", '{"draining": "yes"}'),
            ("c", "{}"),
        ):
            conn.execute(
                text(
                    "INSERT INTO service_instances (name, role, version, started_at, seen_at, "
                    "details) VALUES (:name, 'crawler-worker', '1', now(), now(), "
                    "CAST(:details AS jsonb))"
                ),
                {"name": name, "details": details},
            )
    found = client.get("/api/admin/workers").get_json()["items"]
    assert [each["draining"] for each in found] == [True, False, False]
