"""The API enqueues, lists and shows jobs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import flask.testing
import pytest

from crawljobs.db.database import Database
from crawljobs.domain.job import ErrorKind
from crawljobs.repository.queue import leases
from support import jobs as factory
from support.admin_api import with_token

JOBS = "/api/admin/jobs"
Client = flask.testing.FlaskClient


def enqueue(client: Client, subreddit: str = "python", **asked: Any) -> dict[str, Any]:
    response = client.post(JOBS, json={"subreddit": subreddit, **asked})
    assert response.status_code in (200, 201), response.text
    assert response.json is not None
    job: dict[str, Any] = response.json["job"]
    return job


def test_enqueueing_creates_a_job_with_the_documented_defaults(client: Client) -> None:
    response = client.post(JOBS, json={"subreddit": "r/Python"})
    assert response.status_code == 201
    assert response.json is not None
    assert response.json["result"] == "created"
    job = response.json["job"]
    assert (job["subreddit"], job["status"], job["source"]) == ("Python", "queued", "user")
    assert (job["priority"], job["max_retries"]) == (60, 3)
    assert (job["progress"]["phase"], job["progress"]["requests"]) == (None, 0)
    assert response.headers["Location"] == f"{JOBS}/{job['id']}"
    assert "claim_token" not in response.text


def test_enqueueing_again_merges_into_the_live_job(client: Client) -> None:
    first = enqueue(client, priority=50)
    response = client.post(JOBS, json={"subreddit": "PYTHON", "priority": 70})
    assert response.status_code == 200
    assert response.json is not None
    assert response.json["result"] == "merged"
    assert response.json["job"]["id"] == first["id"]
    assert response.json["job"]["priority"] == 70
    assert response.headers["Location"] == f"{JOBS}/{first['id']}"


def test_enqueueing_a_subreddit_in_the_middle_of_its_crawl_asks_for_another(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        claim = factory.crawling(conn)
    response = client.post(JOBS, json={"subreddit": "python"})
    assert response.status_code == 200
    assert response.json is not None
    assert response.json["result"] == "rerun_requested"
    assert response.json["job"]["id"] == claim.job_id
    assert response.json["job"]["rerun_requested"] is True


def test_a_job_for_later_waits_until_then(client: Client) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    job = enqueue(client, visible_at=later.isoformat())
    assert (job["status"], job["wait_reason"]) == ("waiting", "later")
    assert job["visible_at"] == later.isoformat().replace("+00:00", "Z")


def test_the_server_s_own_number_of_retries_serves_whoever_gives_none(
    make_app: Any, database_url: str
) -> None:
    client = with_token(make_app(database_url, MAX_RETRIES="7"))
    assert enqueue(client)["max_retries"] == 7
    assert enqueue(client, "golang", max_retries=0)["max_retries"] == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/subreddit"),
        ({"subreddit": None}, "/subreddit"),
        ({"subreddit": 7}, "/subreddit"),
        ({"subreddit": "x"}, "/subreddit"),
        ({"subreddit": "a b"}, "/subreddit"),
        ({"subreddit": "python\n"}, "/subreddit"),
        ({"subreddit": "a" * 22}, "/subreddit"),
        ({"subreddit": "a" * 10_000}, "/subreddit"),
        ({"subreddit": "pythön"}, "/subreddit"),
        ({"subreddit": "../about"}, "/subreddit"),
        ({"subreddit": "python", "priority": 101}, "/priority"),
        ({"subreddit": "python", "priority": -1}, "/priority"),
        ({"subreddit": "python", "priority": "60"}, "/priority"),
        ({"subreddit": "python", "priority": 60.5}, "/priority"),
        ({"subreddit": "python", "priority": True}, "/priority"),
        ({"subreddit": "python", "priority": 10**30}, "/priority"),
        ({"subreddit": "python", "max_retries": 101}, "/max_retries"),
        ({"subreddit": "python", "visible_at": "tomorrow"}, "/visible_at"),
        ({"subreddit": "python", "visible_at": 1900000000}, "/visible_at"),
        ({"subreddit": "python", "visible_at": "2031-01-01"}, "/visible_at"),
        ({"subreddit": "python", "visible_at": "2031-01-01T00:00:00"}, "/visible_at"),
        ({"subreddit": "python", "visible_at": "2031-02-30T00:00:00Z"}, "/visible_at"),
        ({"subreddit": "python", "visible_at": "9999-12-31T23:59:59-12:00"}, "/visible_at"),
        ({"subreddit": "python", "visible_at": "0001-01-01T00:00:00+12:00"}, "/visible_at"),
        ({"subreddit": "python", "status": "crawling"}, "/status"),
        ({"subreddit": "python", "source": "stale"}, "/source"),
    ],
)
def test_a_wrong_value_is_refused_by_its_place_before_the_database(
    offline: Client, body: dict[str, Any], pointer: str
) -> None:
    response = offline.post(JOBS, json=body)
    assert response.status_code == 422
    assert response.json is not None
    assert [error["pointer"] for error in response.json["errors"]] == [pointer]


def test_values_at_the_limits_are_taken(client: Client) -> None:
    for number, asked in enumerate(
        (
            {"priority": 0, "max_retries": 0},
            {"priority": 100, "max_retries": 100},
            {"visible_at": "9999-12-31T23:59:59.999999999Z"},
            {"visible_at": "0001-01-01T00:00:00Z"},
            {"visible_at": "2031-05-17t09:30:00.5+05:45"},
            {"visible_at": None},
        )
    ):
        assert enqueue(client, f"limit{number}", **asked)["status"] in ("queued", "waiting")
    for name in ("ab", "a" * 21, "u_some-body", "r/with_prefix", "/r/WITH_SLASH"):
        assert enqueue(client, name)["status"] == "queued"


def test_a_job_shows_its_progress_and_attempts(client: Client, database: Database) -> None:
    with database.begin() as conn:
        claim = factory.crawling(conn)
        checkpoint = {"v": 1, "phase": "posts", "page": 2, "posts": 180, "requests": 3}
        leases.save_checkpoint(conn, claim=claim, checkpoint=checkpoint)
        factory.schedule_retry(
            conn,
            claim=claim,
            delay=timedelta(minutes=1),
            kind=ErrorKind.RETRYABLE,
            message="<script>alert(1)</script>",
        )
    response = client.get(f"{JOBS}/{claim.job_id}")
    assert response.status_code == 200
    job = response.json
    assert job is not None
    assert (job["status"], job["wait_reason"], job["retry_count"]) == ("waiting", "retry", 1)
    assert job["next_retry_at"] == job["visible_at"]
    assert job["checkpoint"] == checkpoint
    assert (job["progress"]["phase"], job["progress"]["posts"]) == ("posts", 180)
    (attempt,) = job["attempts"]
    assert (attempt["outcome"], attempt["worker"]) == ("failed", "worker-1")
    assert attempt["error_message"] == "<script>alert(1)</script>"
    assert response.mimetype == "application/json"


def test_a_job_shows_the_trace_of_the_request_that_enqueued_it(client: Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    job = client.post(JOBS, json={"subreddit": "python"}, headers=sent).get_json()["job"]
    assert client.get(f"{JOBS}/{job['id']}").get_json()["trace_id"] == trace


def test_an_unknown_job_is_404(client: Client) -> None:
    response = client.get(f"{JOBS}/{2**63 - 1}")
    assert response.status_code == 404
    assert response.json is not None
    assert response.json["code"] == "not_found"
