"""The API shows the wait reason of a job, and the wait ends when its cause ends."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from admin_api.schemas.fields import rfc3339
from crawljobs.db.database import Database
from crawljobs.domain import completion
from crawljobs.domain.job import WaitReason
from crawljobs.repository.queue import job_completion
from support import admin_api, listed_jobs
from support import jobs as factory

Client = flask.testing.FlaskClient
JOBS, QUEUE, SUBREDDITS = "/api/admin/jobs", "/api/admin/queue", "/api/admin/subreddits"
NAME = "python"


def got(response: Any, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json
    return body


def pause(client: Client, until: str | None = None) -> None:
    body = {"subreddit": NAME, "reason": "ours"}
    got(client.post(f"{QUEUE}/pause", json=body if until is None else {**body, "until": until}))


def resume(client: Client) -> None:
    got(client.post(f"{QUEUE}/resume", json={"subreddit": NAME}))


def enqueue(client: Client, **more: Any) -> dict[str, Any]:
    response = client.post(JOBS, json={"subreddit": NAME, **more})
    assert response.status_code in (200, 201), response.text
    job: dict[str, Any] = response.json["job"]
    return job


def from_now(**how_far: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(**how_far))


def deferred(database: Database, *, reason: WaitReason, message: str) -> int:
    with database.begin() as conn:
        claim = factory.crawling(conn, NAME)
        hour = timedelta(hours=1)
        end = completion.deferred(claim, delay=hour, reason=reason, message=message)
        job_completion.complete_claim(conn, end)
    return claim.job_id


def test_a_job_whose_community_is_unclear_says_so_everywhere(
    client: Client, database: Database
) -> None:
    said = "Reddit answers nothing clear (deferral 7 of 13): 403 text/html"
    job_id = deferred(database, reason=WaitReason.UNCLEAR, message=said)
    # The previous release must be able to read the stored values.
    with database.begin() as conn:
        stored = conn.execute(text("SELECT wait_reason, error_kind FROM crawl_jobs")).one()
        (job,) = listed_jobs.list_jobs(conn)
    assert stored == ("retry", "deferred")
    check_shown_everywhere(client, job_id, reason="unclear", until=rfc3339(job.visible_at))
    explained = got(client.get(f"{JOBS}/{job_id}/explain"))
    assert explained["waits_for"].startswith("a usable reply about its community")
    assert said in explained["summary"]
    woken = got(client.post(f"{JOBS}/{job_id}/wake"))
    assert (woken["status"], woken["wait_reason"]) == ("queued", None)


def test_a_wait_for_the_next_attempt_is_no_wait_for_a_clear_reply(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        claim = factory.crawling(conn, NAME)
        factory.ENDS["schedule_retry"](conn, claim)
    assert got(client.get(f"{JOBS}/{claim.job_id}"))["wait_reason"] == "retry"


def test_a_reason_that_a_later_release_wrote_is_shown_as_it_is(
    app: flask.Flask, client: Client, database: Database
) -> None:
    job_id = deferred(database, reason=WaitReason.OUTAGE, message="away")
    with database.begin() as conn:
        conn.execute(text("ALTER TABLE crawl_jobs DROP CONSTRAINT crawl_jobs_wait_reason_check"))
        conn.execute(text("UPDATE crawl_jobs SET wait_reason = 'moonphase'"))
    # This client does not check responses: the document lists only the reasons of this release.
    plain = flask.testing.FlaskClient(app, app.response_class)
    plain.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {admin_api.TOKEN}"
    for path in (f"{JOBS}/{job_id}", JOBS, f"{SUBREDDITS}/{NAME}"):
        assert '"moonphase"' in plain.get(path).text
    explained = got(plain.get(f"{JOBS}/{job_id}/explain"))
    assert explained["waits_for"] == "the end of its wait reason, moonphase"


def check_shown_everywhere(
    client: Client, job_id: int, *, reason: str | None, until: str | None
) -> None:
    """Check the wait reason in the job, in both lists and in the explanation of the job."""
    listed = got(client.get(f"{JOBS}?subreddit={NAME}"))["items"]
    beside = got(client.get(f"{SUBREDDITS}/{NAME}"))["jobs"]
    for shown in (got(client.get(f"{JOBS}/{job_id}")), listed[0], beside[0]):
        assert shown["id"] == job_id
        assert (shown["status"], shown["wait_reason"]) == (
            "queued" if reason is None else "waiting",
            reason,
        )
        assert shown["progress"]["waiting_until"] == until
        if reason is not None:
            assert shown["visible_at"] == until
    told = got(client.get(f"{JOBS}/{job_id}/explain"))
    if reason is not None:
        assert told["until"] == until
        (visible,) = [one for one in told["conditions"] if one["name"] == "visible"]
        assert visible["met"] is False
        assert "9999" not in visible["value"]


def test_a_job_follows_the_pause_of_its_subreddit(client: Client) -> None:
    pause(client)
    job_id = enqueue(client)["id"]
    check_shown_everywhere(client, job_id, reason="paused", until=None)
    for until in (from_now(seconds=8), from_now(hours=3), from_now(seconds=30)):
        pause(client, until)
        check_shown_everywhere(client, job_id, reason="paused", until=until)
    pause(client)
    check_shown_everywhere(client, job_id, reason="paused", until=None)
    resume(client)
    check_shown_everywhere(client, job_id, reason=None, until=None)


def test_a_pause_that_is_changed_to_end_lets_its_job_go_then(
    client: Client, database: Database
) -> None:
    pause(client)
    job_id = enqueue(client)["id"]
    end = datetime.now(UTC) + timedelta(minutes=1)
    pause(client, rfc3339(end))
    with database.begin() as conn:
        factory.sweep(conn, now=end - timedelta(seconds=1))
        assert factory.job(conn, job_id).status == "waiting"
        factory.sweep(conn, now=end)
        assert factory.job(conn, job_id).status == "queued"


@pytest.mark.parametrize("until", [None, {"hours": 2}])
def test_a_rerun_asked_for_during_a_pause_waits_no_longer_than_that(
    client: Client, database: Database, until: dict[str, float] | None
) -> None:
    enqueue(client)
    with database.begin() as conn:
        claim = factory.claim_one(conn, now=datetime.now(UTC))
    pause(client, None if until is None else from_now(**until))
    enqueue(client)
    resume(client)
    with database.begin() as conn:
        factory.complete(conn, claim=claim, outcome="crawled")
    (born,) = got(client.get(f"{JOBS}?status=queued"))["items"]
    check_shown_everywhere(client, born["id"], reason=None, until=None)


def test_what_is_asked_for_now_is_claimable_when_the_pause_ends(client: Client) -> None:
    later = from_now(days=7)
    job_id = enqueue(client, visible_at=later)["id"]
    check_shown_everywhere(client, job_id, reason="later", until=later)
    pause(client)
    check_shown_everywhere(client, job_id, reason="later", until=later)
    assert enqueue(client)["id"] == job_id
    check_shown_everywhere(client, job_id, reason="paused", until=None)
    resume(client)
    check_shown_everywhere(client, job_id, reason=None, until=None)


def test_a_gap_that_is_taken_away_frees_the_job(client: Client, database: Database) -> None:
    enqueue(client)
    got(client.patch(f"{SUBREDDITS}/{NAME}", json={"min_crawl_gap_seconds": 86_400}))
    crawled_at = datetime.now(UTC)
    with database.begin() as conn:
        conn.execute(text("UPDATE subreddits SET last_crawled_at = :at"), {"at": crawled_at})
        claim = factory.claim_one(conn, now=crawled_at)
        factory.complete(conn, claim=claim, outcome="crawled")
    job_id = enqueue(client)["id"]
    until = rfc3339(crawled_at + timedelta(days=1))
    check_shown_everywhere(client, job_id, reason="politeness", until=until)
    got(client.patch(f"{SUBREDDITS}/{NAME}", json={"min_crawl_gap_seconds": None}))
    check_shown_everywhere(client, job_id, reason=None, until=None)


def test_a_job_enqueued_while_a_pause_ends_is_not_forgotten(
    client: Client, database: Database
) -> None:
    """Two requests run at once, without a sweep.

    In either order, no job waits for the ended pause.
    """
    app = client.application
    for number in range(40):
        pause(client)
        start = threading.Barrier(2)
        others = app.test_client()

        def ask(others: Client = others, start: threading.Barrier = start) -> None:
            start.wait(10)
            others.post(JOBS, json={"subreddit": NAME})

        others.environ_base.update(client.environ_base)
        asking = threading.Thread(target=ask)
        asking.start()
        start.wait(10)
        resume(client)
        asking.join(10)
        with database.begin() as conn:
            assert [job.wait_reason for job in listed_jobs.list_jobs(conn)] == [None], number
            conn.execute(text("DELETE FROM crawl_jobs"))
