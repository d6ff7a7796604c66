"""Jobs by pages, filters and numbers."""

from typing import Any

import flask.testing

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support import jobs as factory

JOBS = "/api/admin/jobs"
Client = flask.testing.FlaskClient


def enqueue(client: Client, subreddit: str = "python", **asked: Any) -> dict[str, Any]:
    response = client.post(JOBS, json={"subreddit": subreddit, **asked})
    assert response.status_code in (200, 201), response.text
    assert response.json is not None
    job: dict[str, Any] = response.json["job"]
    return job


def listed(client: Client, query: str = "") -> list[str]:
    response = client.get(f"{JOBS}{query}")
    assert response.status_code == 200, response.text
    assert response.json is not None
    return [job["subreddit"] for job in response.json["items"]]


def one_in_each_status(database: Database) -> dict[str, JobStatus]:
    """The queued one comes last: the others are claimed on their way."""
    by_name = {f"in_{status}": status for status in JobStatus}
    with database.begin() as conn:
        for name, status in sorted(by_name.items(), key=lambda one: one[1] is JobStatus.QUEUED):
            factory.in_status(conn, status, name)
    return by_name


def test_the_list_is_empty_without_jobs(client: Client) -> None:
    response = client.get(JOBS)
    assert response.json == {"items": [], "next": None}
    assert "Link" not in response.headers


def test_the_list_is_filtered_by_status_and_subreddit(client: Client, database: Database) -> None:
    by_name = one_in_each_status(database)
    assert sorted(listed(client)) == sorted(by_name)
    for name, status in by_name.items():
        assert listed(client, f"?status={status}") == [name]
        assert listed(client, f"?subreddit={name.upper()}") == [name]
        assert listed(client, f"?subreddit=r/{name}&status={status}") == [name]
    assert len(listed(client, "?status=queued&status=failed")) == 2
    assert listed(client, "?status=success") == listed(client, "?status=succeeded")
    assert listed(client, "?subreddit=nowhere") == []


def test_pages_follow_one_another_without_gaps_while_jobs_are_added(client: Client) -> None:
    for number in range(7):
        enqueue(client, f"sub{number}")
    seen: list[str] = []
    address = f"{JOBS}?limit=3&status=queued"
    for turn in range(3):
        response = client.get(address)
        assert response.json is not None
        seen += [job["subreddit"] for job in response.json["items"]]
        enqueue(client, f"late{turn}")
        if response.json["next"] is None:
            assert "Link" not in response.headers
            break
        link = response.headers["Link"]
        assert link.endswith('>; rel="next"')
        by_hand = client.get(f"{JOBS}?limit=3&status=queued&cursor={response.json['next']}")
        address = link[1 : link.index(">")]
        assert client.get(address).json == by_hand.json
    assert seen == [f"sub{number}" for number in reversed(range(7))]


def test_a_cursor_with_other_filters_is_refused(client: Client) -> None:
    for number in range(2):
        enqueue(client, f"sub{number}")
    page = client.get(f"{JOBS}?limit=1").json
    assert page is not None
    assert client.get(f"{JOBS}?limit=1&cursor={page['next']}").status_code == 200
    refused = client.get(f"{JOBS}?limit=1&status=queued&cursor={page['next']}")
    assert refused.status_code == 400
    assert refused.json is not None
    assert refused.json["code"] == "invalid_cursor"


def test_stats_of_an_empty_queue_are_zero(client: Client) -> None:
    stats = client.get(f"{JOBS}/stats").json
    assert stats == {
        "by_status": dict.fromkeys(JobStatus, 0),
        "queued_by_priority": {},
        "oldest_queued_at": None,
    }


def test_stats_count_jobs_by_state_and_priority(client: Client, database: Database) -> None:
    one_in_each_status(database)
    job = enqueue(client, "more", priority=70)
    stats = client.get(f"{JOBS}/stats").json
    assert stats is not None
    assert stats["by_status"] == {**dict.fromkeys(JobStatus, 1), "queued": 2}
    assert stats["queued_by_priority"]["70"] == 1
    assert stats["oldest_queued_at"] == min(
        job["queued_at"], factory.T0.isoformat().replace("+00:00", "Z")
    )
