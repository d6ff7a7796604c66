"""Uses each kind of operation through the generated Python client: drive_api.py URL TOKEN.

Runs with the Python of the client generators, against a server with an empty database. mypy checks
this file with the client. Exits with 1 at the first surprise.
"""

import sys
from typing import TypeVar

from crawljobs_client import AuthenticatedClient
from crawljobs_client.api.bulk_changes_of_jobs import cancel_jobs, retry_jobs
from crawljobs_client.api.changes_of_jobs import boost_job, cancel_job
from crawljobs_client.api.imports import enqueue_jobs
from crawljobs_client.api.jobs import enqueue_job, list_jobs, show_job
from crawljobs_client.api.schedules import (
    change_schedule,
    create_schedule,
    delete_schedule,
    toggle_schedule,
)
from crawljobs_client.models import (
    BoostChange,
    BulkByIds,
    BulkDryRunByFilter,
    BulkResult,
    Enqueue,
    Enqueued,
    EnqueueResult,
    Import,
    ImportResult,
    Job,
    JobFilter,
    JobList,
    JobSource,
    JobStatus,
    JobStatusFilter,
    MisfirePolicy,
    Problem,
    ScheduleBodyBySubreddit,
    SchedulePatch,
    Toggle,
    WrittenSchedule,
)
from crawljobs_client.types import UNSET, Unset

Wanted = TypeVar("Wanted")


def one(kind: type[Wanted], found: object) -> Wanted:
    """Return the parsed body if it is of this kind."""
    assert isinstance(found, kind), found
    return found


def enqueue_and_list(client: AuthenticatedClient) -> int:
    """Enqueue four crawls, page through the list, and return the id of the first job."""
    made = enqueue_job.sync_detailed(client=client, body=Enqueue(subreddit="python", priority=60))
    enqueued = one(Enqueued, made.parsed)
    assert made.status_code == 201
    assert enqueued.result is EnqueueResult.CREATED
    assert enqueued.job.status is JobStatus.QUEUED
    assert enqueued.job.source is JobSource.USER
    assert enqueued.job.created_at.tzinfo is not None
    assert enqueued.job.finished_at is None
    again = enqueue_job.sync_detailed(client=client, body=Enqueue(subreddit="r/Python"))
    assert again.status_code == 200
    assert one(Enqueued, again.parsed).job.id == enqueued.job.id

    imported = enqueue_jobs.sync_detailed(
        client=client, body=Import(subreddits=["golang", "rust", "not a name", "ocaml"])
    )
    assert imported.status_code == 207
    result = one(ImportResult, imported.parsed)
    assert [item.code for item in result.items[:3]] == ["created", "created", "invalid_request"]

    cursor: str | Unset = UNSET
    names: list[str] = []
    for _ in range(4):
        page = one(JobList, list_jobs.sync(client=client, limit=1, cursor=cursor))
        names += [job.subreddit for job in page.items]
        cursor = page.next_ or UNSET
    assert names == ["ocaml", "rust", "golang", "python"]
    assert cursor is UNSET
    queued = list_jobs.sync(client=client, status=[JobStatusFilter.QUEUED, JobStatusFilter.SUCCESS])
    assert len(one(JobList, queued).items) == 4
    return enqueued.job.id


def change_jobs(client: AuthenticatedClient, job_id: int) -> None:
    """Boost a job, then cancel and retry jobs in bulk. One of the jobs does not exist."""
    boosted = one(Job, boost_job.sync(job_id, client=client, body=BoostChange(boost=20)))
    assert (boosted.priority, boosted.base_priority) == (80, 80)
    cancelled = one(Job, cancel_job.sync(job_id, client=client))
    assert cancelled.status is JobStatus.CANCELLED

    retried = retry_jobs.sync_detailed(client=client, body=BulkByIds(job_ids=[job_id, 2**62 + 1]))
    assert retried.status_code == 207
    result = one(BulkResult, retried.parsed)
    assert (result.succeeded, result.failed) == (1, 1)
    assert [(item.id, item.code) for item in result.items] == [
        (job_id, "ok"),
        (2**62 + 1, "not_found"),
    ]
    dry = BulkDryRunByFilter(filter_=JobFilter(source=[JobSource.USER]), dry_run=True)
    found = one(BulkResult, cancel_jobs.sync(client=client, body=dry))
    assert (found.dry_run, found.succeeded) == (True, 4)


def change_schedules(client: AuthenticatedClient) -> None:
    """Create, change, toggle and delete a schedule."""
    body = ScheduleBodyBySubreddit(
        name="nightly", subreddit="python", cron_expression="30 3 * * *", timezone="Europe/Vienna"
    )
    made = create_schedule.sync_detailed(client=client, body=body)
    schedule = one(WrittenSchedule, made.parsed)
    assert schedule.misfire_policy is MisfirePolicy.FIRE_ONCE
    calmer = SchedulePatch(priority=10, misfire_policy=MisfirePolicy.SKIP)
    changed = change_schedule.sync(
        schedule.id, client=client, body=calmer, if_match=made.headers["ETag"]
    )
    assert one(WrittenSchedule, changed).priority == 10
    late = change_schedule.sync(
        schedule.id, client=client, body=calmer, if_match=made.headers["ETag"]
    )
    assert one(Problem, late).code == "precondition_failed"
    twice = one(Problem, create_schedule.sync(client=client, body=body))
    assert (twice.code, twice.errors[0].pointer) == ("duplicate_name", "/name")
    off = toggle_schedule.sync(schedule.id, client=client, body=Toggle(enabled=False))
    assert one(WrittenSchedule, off).enabled is False
    assert delete_schedule.sync_detailed(schedule.id, client=client).status_code == 204


def read_problems(client: AuthenticatedClient) -> None:
    missing = one(Problem, show_job.sync(2**62 + 1, client=client))
    assert (missing.status, missing.code, missing.errors) == (404, "not_found", [])
    assert missing.request_id
    wrong = one(
        Problem,
        enqueue_job.sync(client=client, body=Enqueue(subreddit="a b", priority=101)),
    )
    assert wrong.code == "invalid_request"
    assert {error.pointer for error in wrong.errors} == {"/subreddit", "/priority"}


def read_refusal(url: str) -> None:
    with AuthenticatedClient(base_url=url, token="wrong") as stranger:
        refused = list_jobs.sync_detailed(client=stranger)
        assert refused.status_code == 401
        assert one(Problem, refused.parsed).code == "invalid_token"


def repeat_request(client: AuthenticatedClient) -> None:
    """Send a request twice with one Idempotency-Key, and once with another body."""
    first, second = (
        enqueue_job.sync_detailed(client=client, body=Enqueue("elixir"), idempotency_key="k1")
        for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotency-Replayed"] == "true"
    reused = enqueue_job.sync(client=client, body=Enqueue("haskell"), idempotency_key="k1")
    assert one(Problem, reused).code == "key_reused"


def main(url: str, token: str) -> None:
    with AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True) as client:
        job_id = enqueue_and_list(client)
        change_jobs(client, job_id)
        change_schedules(client)
        read_problems(client)
        repeat_request(client)
    read_refusal(url)


if __name__ == "__main__":
    main(*sys.argv[1:])
