"""The numbers of jobs that match a filter: exact where sums are kept, else with a limit."""

from typing import Any

import flask.testing
import pytest

from crawljobs.db.database import Database
from crawljobs.domain.job import FINAL, JobStatus
from crawljobs.repository.queue.matching import job_matches
from support import jobs as factory

MATCHES = "/api/admin/jobs/matches"
Client = flask.testing.FlaskClient


def got(client: Client, query: str = "") -> dict[str, Any]:
    response = client.get(f"{MATCHES}?{query}")
    assert response.status_code == 200, response.text
    found = response.get_json()
    assert isinstance(found, dict)
    return found


@pytest.fixture
def jobs(database: Database) -> None:
    """Store a job in each status, and two more failed jobs."""
    with database.begin() as conn:
        for number in range(2):
            factory.in_status(conn, JobStatus.FAILED, f"more_{number}")
        for status in sorted(JobStatus, key=lambda one: one is JobStatus.QUEUED):
            factory.in_status(conn, status, f"in_{status}")


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("query", "by_status"),
    [
        ("", {**dict.fromkeys(JobStatus, 1), "failed": 3}),
        ("status=failed&status=success", {"failed": 3, "succeeded": 1}),
        ("error_kind=permanent", {"failed": 3, "waiting": 0}),
        ("source=user", {**dict.fromkeys(JobStatus, 1), "failed": 3}),
        ("source=stale", dict.fromkeys(JobStatus, 0)),
        ("subreddit=more_1", {**dict.fromkeys(JobStatus, 0), "failed": 1}),
        ("subreddit=unknown_one", dict.fromkeys(JobStatus, 0)),
        ("finished_after=2020-01-01T00:00:00Z", {"failed": 3, "succeeded": 1, "cancelled": 1}),
        ("worker=worker-1", {"crawling": 1}),
        ("worker=worker-1&status=failed", {}),
    ],
)
def test_the_numbers_are_those_of_the_list(
    client: Client, query: str, by_status: dict[str, int]
) -> None:
    found = got(client, query)
    assert found["by_status"] == by_status
    assert (found["at_least"], found["total"]) == ([], sum(by_status.values()))
    listed = client.get(f"/api/admin/jobs/rows?{query}").get_json()["items"]
    assert len(listed) == found["total"]


@pytest.mark.usefixtures("jobs")
def test_a_count_stops_at_its_limits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_matches, "COUNT_MAX", 2)
    found = got(client, "source=user")
    assert (found["by_status"]["failed"], found["at_least"]) == (2, ["failed"])
    monkeypatch.setattr(job_matches, "SCAN_LIMIT", 1)
    found = got(client, "source=user")
    assert (found["by_status"]["failed"], found["at_least"]) == (1, sorted(JobStatus))
    kept = got(client)
    assert kept["by_status"]["failed"] == 3
    assert not FINAL.intersection(kept["at_least"])


def test_the_parameters_of_a_page_are_refused(client: Client) -> None:
    for query in ("limit=5", "sort=created_at", "ids=1", "status=", "cursor=x"):
        assert client.get(f"{MATCHES}?{query}").status_code in (400, 422)
