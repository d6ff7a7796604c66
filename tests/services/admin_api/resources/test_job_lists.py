"""The API lists jobs by pages, with filters and in several orders."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import flask.testing
import pytest
from sqlalchemy import text

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
    """Create a job in each status. The queued job comes last, because the others need a claim."""
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


def set_column(database: Database, column: str, by_name: dict[str, Any]) -> None:
    with database.begin() as conn:
        for name, value in by_name.items():
            conn.execute(
                text(
                    f"UPDATE crawl_jobs SET {column} = :value WHERE subreddit_id = "
                    "(SELECT id FROM subreddits WHERE name = :name)"
                ),
                {"name": name, "value": value},
            )


def all_pages(client: Client, query: str, limit: int = 2) -> list[str]:
    seen: list[str] = []
    address = f"{JOBS}?limit={limit}&{query}"
    for _ in range(20):
        response = client.get(address)
        assert response.status_code == 200, response.text
        assert response.json is not None
        seen += [job["subreddit"] for job in response.json["items"]]
        if response.json["next"] is None:
            return seen
        link = response.headers["Link"]
        address = link[1 : link.index(">")]
    raise AssertionError("the list does not end")


NOW = datetime(2031, 5, 17, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sort", "reverse"), [("created_at", False), ("-created_at", True), ("", True)]
)
def test_jobs_of_one_moment_are_each_on_one_page(
    client: Client, database: Database, sort: str, reverse: bool
) -> None:
    names = [f"sub{number}" for number in range(7)]
    for name in names:
        enqueue(client, name)
    for column in ("queued_at", "created_at"):
        set_column(database, column, dict.fromkeys(names, NOW))
    seen = all_pages(client, f"sort={sort}" if sort else "status=queued")
    assert seen == sorted(names, reverse=reverse)


def test_queued_jobs_are_listed_by_their_making_whoever_queued_them_again(
    client: Client, database: Database
) -> None:
    made = {f"sub{day}": NOW + timedelta(days=day) for day in range(6)}
    for name in made:
        enqueue(client, name, priority=100 if name in ("sub1", "sub4") else 50)
    set_column(database, "queued_at", {**made, "sub2": NOW + timedelta(days=9)})
    set_column(database, "created_at", made)
    assert all_pages(client, "sort=created_at") == list(made)
    assert all_pages(client, "status=queued") == list(made)[::-1]
    since, until = (quote((NOW + timedelta(days=n)).isoformat()) for n in (2, 5))
    assert listed(client, f"?created_after={since}&created_before={until}") == [
        "sub4",
        "sub3",
        "sub2",
    ]


def test_queued_jobs_are_listed_as_they_will_be_claimed(client: Client, database: Database) -> None:
    for number in range(8):
        enqueue(client, f"sub{number}", priority=50 + 10 * (number % 3))
    enqueue(client, "later", visible_at="2031-01-01T00:00:00Z", priority=100)
    with database.begin() as conn:
        claimed = [claim.subreddit for claim in factory.claim_all(conn, at_most=8, now=NOW)]
        conn.rollback()
    listed_in_order = all_pages(client, "sort=-priority", limit=3)
    assert listed_in_order == claimed
    assert len(claimed) == 8


def test_waiting_jobs_are_listed_by_when_they_are_due(client: Client) -> None:
    for day in (3, 1, 2, 2):
        name = f"day{day}_{len(listed(client))}"
        enqueue(client, name, visible_at=f"2031-01-0{day}T00:00:00Z")
    enqueue(client, "now")
    assert all_pages(client, "sort=visible_at") == ["day1_1", "day2_2", "day2_3", "day3_0"]


def test_finished_jobs_are_listed_by_their_end(client: Client, database: Database) -> None:
    one_in_each_status(database)
    ends = {"in_failed": 3, "in_succeeded": 1, "in_cancelled": 2}
    set_column(database, "finished_at", {name: NOW + timedelta(days=n) for name, n in ends.items()})
    order = ["in_succeeded", "in_cancelled", "in_failed"]
    assert all_pages(client, "sort=finished_at") == order
    assert all_pages(client, "sort=-finished_at") == order[::-1]
    assert all_pages(client, "sort=-finished_at&status=failed&status=queued") == ["in_failed"]
    since, until = (quote((NOW + timedelta(days=n)).isoformat()) for n in (2, 3))
    assert listed(client, f"?finished_after={since}&finished_before={until}") == ["in_cancelled"]
    assert listed(client, f"?finished_after={until}") == ["in_failed"]
    assert all_pages(client, f"finished_before={until}&sort=finished_at") == order[:2]


def test_filters_are_combined(client: Client, database: Database) -> None:
    one_in_each_status(database)
    enqueue(client, "urgent", priority=90)
    set_column(database, "error_kind", {"in_failed": "permanent", "in_waiting": "retryable"})
    set_column(
        database, "error_message", {"in_failed": "HTTP 404_not 100% \\ there", "in_waiting": "404"}
    )
    set_column(database, "source", {"in_queued": "schedule"})
    set_column(database, "created_at", {"in_cancelled": NOW})
    for query, expected in {
        "priority_min=90": ["urgent"],
        "priority_max=50&status=queued": ["in_queued"],
        "priority_min=51&priority_max=89": [],
        "source=schedule": ["in_queued"],
        "source=schedule&source=user&priority_min=60": ["urgent"],
        "error_kind=permanent": ["in_failed"],
        "error=http%20404_NOT": ["in_failed"],
        "error=%25%20%5C": ["in_failed"],
        "error=404&status=waiting": ["in_waiting"],
        "error=4_4": [],
        "worker=worker-1": ["in_crawling"],
        "worker=worker-1&status=queued": [],
        "worker=worker": [],
        f"created_after={quote(NOW.isoformat())}": ["in_cancelled"],
        "created_before=2031-05-01T00:00:00Z&status=cancelled": [],
        "schedule_id=1": [],
    }.items():
        assert listed(client, f"?{query}") == expected, query


def test_a_page_that_looked_at_enough_says_where_to_go_on(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawljobs.repository.queue.job_list.SCAN_LIMIT", 3)
    for number in range(8):
        enqueue(client, f"sub{number}", priority=80 if number == 1 else 50)
    assert all_pages(client, "priority_min=80") == ["sub1"]
    first = client.get(f"{JOBS}?priority_min=80").json
    assert first is not None
    assert first["items"] == []
    assert first["next"]


def test_jobs_of_one_subreddit_are_found_in_any_order(client: Client, database: Database) -> None:
    for _ in range(5):
        with database.begin() as conn:
            factory.in_status(conn, JobStatus.FAILED, "busy")
        with database.begin() as conn:
            factory.in_status(conn, JobStatus.FAILED, "other")
    for sort in ("created_at", "-created_at", "finished_at", "-finished_at"):
        assert all_pages(client, f"subreddit=BUSY&sort={sort}") == ["busy"] * 5
