"""The API shows statistics of the queue."""

from datetime import timedelta
from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from admin_api.schemas.stats import RecentSchema
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.group import GroupOutcome, StepState
from crawljobs.domain.group_totals import OpenGroupState
from crawljobs.domain.job import FINAL, ErrorKind, JobStatus
from crawljobs.repository.queue import job_completion, job_stats, operator_changes
from crawljobs.repository.queue.maintenance import count_merging, job_maintenance, job_pruning
from support import job_verbs
from support import jobs as factory
from support.jobs import T0

JOBS = "/api/admin/jobs"
Client = flask.testing.FlaskClient


def stats(client: Client) -> dict[str, Any]:
    found = client.get(f"{JOBS}/stats").json
    assert found is not None
    return found


def test_stats_of_an_empty_queue_are_zero(client: Client) -> None:
    assert stats(client) == {
        "by_status": dict.fromkeys(JobStatus, 0),
        "capped": [],
        "queued_by_priority": {},
        "oldest_queued_at": None,
        "oldest_queued_seconds": None,
        "paused": False,
        "paused_subreddits": 0,
        "recent": {
            "sampled": 0,
            "since": None,
            "finished_per_minute": 0,
            "observed_seconds": 3600,
            "failure_rate": None,
            "retry_success_rate": None,
            "wait_seconds_p50": None,
            "wait_seconds_p95": None,
        },
        "groups": {
            "by_state": dict.fromkeys(OpenGroupState, 0),
            "steps": dict.fromkeys(StepState, 0),
            "recent": dict.fromkeys(GroupOutcome, 0),
            "oldest_pending_seconds": None,
            "capped": False,
        },
    }


def test_stats_count_jobs_by_state_and_priority(client: Client, database: Database) -> None:
    for status in sorted(JobStatus, key=lambda one: one is JobStatus.QUEUED):
        with database.begin() as conn:
            factory.in_status(conn, status, f"in_{status}")
    client.post(JOBS, json={"subreddit": "more", "priority": 70})
    found = stats(client)
    assert found["by_status"] == {**dict.fromkeys(JobStatus, 1), "queued": 2}
    assert found["queued_by_priority"] == {"70": 1, "50": 1}


def counted(conn: Connection) -> dict[str, int]:
    found = job_stats.queue_stats(conn).by_status
    rows = conn.execute(text("SELECT status, count(*) AS jobs FROM crawl_jobs GROUP BY status"))
    really = {JobStatus(row.status): row.jobs for row in rows}
    assert {status: found[status] for status in JobStatus} == {
        status: really.get(status, 0) for status in JobStatus
    }
    return {status: found[status] for status in FINAL}


def test_counts_of_finished_jobs_follow_every_way_in_and_out(conn: Connection) -> None:
    counted(conn)
    ids = [factory.in_status(conn, JobStatus.FAILED, f"sub{n}") for n in range(3)]
    ids.append(factory.in_status(conn, JobStatus.SUCCEEDED, "sub3"))
    job_verbs.cancel(conn, job_id=factory.enqueue(conn, "sub4"))
    assert counted(conn) == {"failed": 3, "succeeded": 1, "cancelled": 1}
    together = [factory.enqueue(conn, f"more{n}") for n in range(2)]
    claimed = factory.claim_all(conn)
    job_completion.complete_claims(
        conn, completions=[completion.completed(one, "crawled") for one in claimed]
    )
    assert counted(conn) == {"failed": 3, "succeeded": 3, "cancelled": 1}
    for job_id in together:
        job_verbs.retry(conn, job_id=job_id)
    operator_changes.change(conn, verb=operator_changes.Verb.GIVE_UP, job_id=together[0])
    job_verbs.cancel(conn, job_id=factory.claim_one(conn).job_id)
    assert counted(conn) == {"failed": 4, "succeeded": 1, "cancelled": 2}
    assert count_merging.merge_counts(conn, at_most=2) == 2
    counted(conn)
    job_verbs.retry(conn, job_id=ids[0])
    operator_changes.change(conn, verb=operator_changes.Verb.DELETE, job_id=ids[1])
    assert counted(conn) == {"failed": 2, "succeeded": 1, "cancelled": 2}
    while count_merging.merge_counts(conn):
        counted(conn)
    assert count_merging.merge_counts(conn) == 0
    later = T0 + timedelta(days=40_000)
    assert job_pruning.prune_finished_jobs(conn, retention=timedelta(days=1), now=later).jobs == 5
    assert counted(conn) == dict.fromkeys(FINAL, 0)


def test_the_numbers_of_the_response_have_three_decimals() -> None:
    row = dict.fromkeys(RecentSchema().fields) | {"sampled": 3, "finished_per_minute": 2 / 3}
    row |= {"observed_seconds": 3_600.123456, "failure_rate": 1 / 3}
    shown = RecentSchema().dump(row)
    assert isinstance(shown, dict)
    assert (shown["finished_per_minute"], shown["failure_rate"]) == (0.667, 0.333)
    assert (shown["observed_seconds"], shown["wait_seconds_p50"]) == (3_600.123, None)


def test_the_newest_finished_jobs_tell_how_crawls_went(conn: Connection) -> None:
    for number in range(4):
        factory.enqueue(conn, f"sub{number}")
    at = T0 + timedelta(seconds=10)
    first, second, third, fourth = factory.claim_all(conn, now=at)
    factory.complete(conn, claim=first, outcome="crawled", now=at)
    for claim in (second, third):
        factory.schedule_retry(
            conn,
            claim=claim,
            delay=timedelta(seconds=60),
            kind=ErrorKind.RETRYABLE,
            message="503",
            now=at,
        )
    factory.fail(conn, claim=fourth, kind=ErrorKind.PERMANENT, message="404", now=at)
    due = at + timedelta(seconds=60)
    job_maintenance.requeue_due_jobs(conn, now=due)
    for number, claim in enumerate(factory.claim_all(conn, now=due + timedelta(seconds=30))):
        if number:
            factory.complete(conn, claim=claim, outcome="crawled", now=claim.claimed_at)
        else:
            factory.fail(
                conn, claim=claim, kind=ErrorKind.RETRYABLE, message="503", now=claim.claimed_at
            )
    recent = job_stats.queue_stats(conn, now=due + timedelta(minutes=5)).recent
    assert (recent.sampled, recent.since) == (4, at)
    # No worker has a heartbeat, so the rate applies to the time since the first claim.
    assert recent.observed_seconds == 360
    assert recent.finished_per_minute == 4 / 6
    assert recent.failure_rate == 0.5
    # The other failed job was never retried, so it does not count.
    assert recent.retry_success_rate == 0.5
    assert (recent.wait_seconds_p50, recent.wait_seconds_p95) == (20, 30)
    assert job_stats.queue_stats(conn, now=due + timedelta(hours=2)).recent.sampled == 0


@pytest.mark.parametrize(
    ("jobs", "seconds", "per_minute"),
    [
        # Fewer jobs than the sample may have, in the time since the oldest of them.
        (job_stats.SAMPLE - 1, 30, (job_stats.SAMPLE - 1) * 2),
        (job_stats.SAMPLE - 1, 1800, (job_stats.SAMPLE - 1) / 30),
        # A full sample: the rate counts its jobs over the time between the oldest and the newest.
        (job_stats.SAMPLE, 1800, job_stats.SAMPLE / 30),
        (job_stats.SAMPLE + 5, 1800, job_stats.SAMPLE / 30),
        (job_stats.SAMPLE, 30, job_stats.SAMPLE * 2),
        (job_stats.SAMPLE, 1, job_stats.SAMPLE * 60),
        # A time span below one second counts as one second.
        (job_stats.SAMPLE, 0.01, job_stats.SAMPLE * 60),
        (job_stats.SAMPLE, 0, job_stats.SAMPLE * 60),
    ],
)
def test_a_full_sample_tells_the_pace_by_the_time_that_it_spans(
    conn: Connection, jobs: int, seconds: float, per_minute: float
) -> None:
    factory.in_status(conn, JobStatus.SUCCEEDED)
    columns = ", ".join(
        conn.execute(
            text(
                "SELECT quote_ident(attname) FROM pg_attribute "
                "WHERE attrelid = 'crawl_jobs'::regclass AND attnum > 0 AND NOT attisdropped "
                "AND attgenerated = '' AND attidentity = '' AND attname <> 'finished_at'"
            )
        ).scalars()
    )
    conn.execute(
        text(
            f"INSERT INTO crawl_jobs ({columns}, finished_at) "
            f"SELECT {columns}, CAST(:oldest AS timestamptz) "
            "FROM crawl_jobs, generate_series(2, :jobs)"
        ),
        {"jobs": jobs, "oldest": T0},
    )
    now = T0 + timedelta(seconds=seconds)
    recent = job_stats.queue_stats(conn, now=now).recent
    assert recent.sampled == min(jobs, job_stats.SAMPLE)
    assert recent.finished_per_minute == pytest.approx(per_minute)


def test_how_long_the_oldest_has_waited(conn: Connection) -> None:
    factory.enqueue(conn, "old")
    factory.enqueue(conn, "new", now=T0 + timedelta(minutes=1))
    found = job_stats.queue_stats(conn, now=T0 + timedelta(minutes=5))
    assert (found.oldest_queued_at, found.oldest_queued_seconds) == (T0, 300)
    factory.enqueue(conn, "aged", now=T0 - timedelta(minutes=1), priority=100)
    found = job_stats.queue_stats(conn, now=T0)
    assert found.oldest_queued_seconds == 60
