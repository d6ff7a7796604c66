"""One statement with many requests has the same effect as one statement for each request."""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import Enqueued, EnqueueResult, JobSource, JobStatus
from crawljobs.repository.queue import job_enqueue, job_reads, queue_pauses
from support import jobs
from support import schedule_rows as rows
from support.jobs import T0
from support.matrices import each_once

NAMES = [f"sub{number}" for number in range(12)]
SOURCES = list(JobSource)
Enqueue = Callable[..., list[Enqueued]]


def enqueue_with_jobs(
    conn: Connection, requests: Sequence[EnqueueRequest], **options: Any
) -> list[Enqueued]:
    changes = job_enqueue.enqueue_with_jobs(conn, requests, **options)
    return [change.enqueued for change in changes]


FORMS: dict[str, Enqueue] = {
    "results": job_enqueue.enqueue,
    "stored subreddits": job_enqueue.enqueue_stored,
    "jobs": enqueue_with_jobs,
}


def prepare(conn: Connection, dice: random.Random) -> None:
    """Create subreddits without a job, with a job in any state, with a rerun request, or paused."""
    for name in NAMES:
        kind = dice.choice(["none", "later", "retry", "rerun", "paused", *JobStatus])
        rows.create(conn, name, subreddit=name, now=T0)
        if kind == "later":
            jobs.enqueue(conn, name, visible_at=T0 + timedelta(hours=dice.randint(1, 9)))
        elif kind == "retry":
            jobs.ENDS["schedule_retry"](conn, jobs.crawling(conn, name, priority=100))
        elif kind == "rerun":
            jobs.crawling(conn, name, priority=100)
            jobs.enqueue(conn, name, priority=dice.randint(0, 60), source=JobSource.DISCOVERY)
        elif kind == "paused":
            queue_pauses.pause(conn, scope=subreddit_id(conn, name), reason="x", paused_by="t")
        elif kind != "none":
            jobs.in_status(conn, JobStatus(kind), name)


def subreddit_id(conn: Connection, name: str) -> int:
    found = conn.execute(text("SELECT id FROM subreddits WHERE name = :name"), {"name": name})
    return int(found.scalar_one())


def requests(conn: Connection, dice: random.Random) -> list[EnqueueRequest]:
    """Return random requests. Several of them may name the same subreddit."""
    schedules = conn.execute(text("SELECT id FROM scheduled_jobs ORDER BY id")).scalars().all()
    return [
        EnqueueRequest(
            dice.sample(NAMES, dice.randint(1, 3)),
            dice.randint(0, 100),
            dice.choice(SOURCES),
            max_retries=dice.randint(0, 9),
            visible_at=dice.choice([None, T0, T0 + timedelta(hours=dice.randint(1, 9))]),
            depth=dice.choice([None, 0, 1, 2]),
            scheduled_job_id=dice.choice([None, *schedules]),
            traceparent=dice.choice([None, f"00-{dice.getrandbits(128):032x}-{1:016x}-01"]),
        )
        for _ in range(8)
    ]


def state(conn: Connection) -> list[dict[str, Any]]:
    """Return all jobs without their ids, because a sequence and not a rule sets the ids."""
    found = conn.execute(text("SELECT * FROM crawl_jobs ORDER BY subreddit_id, created_at, id"))
    return [{**row._mapping, "id": None} for row in found]


@pytest.mark.parametrize(("form", "seed"), each_once(FORMS, range(8)))
def test_a_batch_does_what_one_after_the_other_would(
    conn: Connection, form: str, seed: int
) -> None:
    dice = random.Random(seed)
    prepare(conn, dice)
    asked = requests(conn, dice)
    now = T0 + timedelta(minutes=1)
    one_after_the_other = conn.begin_nested()
    one_by_one = [
        job_enqueue.enqueue(
            conn, [EnqueueRequest(**{**vars(request), "subreddits": [name]})], now=now
        )
        for request in asked
        for name in request.subreddits
    ]
    expected = state(conn)
    one_after_the_other.rollback()
    results = FORMS[form](conn, asked, now=now)
    assert [result.result for result in results] == [result.result for (result,) in one_by_one]
    assert [result.subreddit for result in results] == [
        name for request in asked for name in request.subreddits
    ]
    assert state(conn) == expected


@pytest.mark.parametrize("form", FORMS)
def test_does_nothing_for_no_request(conn: Connection, form: str) -> None:
    assert FORMS[form](conn, []) == []
    assert FORMS[form](conn, [EnqueueRequest([], 1, JobSource.USER)]) == []


@pytest.mark.parametrize("form", FORMS)
def test_each_request_has_its_own_values(conn: Connection, form: str) -> None:
    made = [rows.create(conn, name, subreddit=name, now=T0) for name in NAMES]
    asked = [
        EnqueueRequest([name], 10 + i, JobSource.SCHEDULE, max_retries=i, scheduled_job_id=one.id)
        for i, (name, one) in enumerate(zip(NAMES, made, strict=True))
    ]
    asked.reverse()
    for request, result in zip(asked, FORMS[form](conn, asked, now=T0), strict=True):
        job = jobs.job(conn, result.job_id)
        assert (job.priority, job.base_priority, job.max_retries, job.scheduled_job_id) == (
            request.priority,
            request.priority,
            request.max_retries,
            request.scheduled_job_id,
        )
        assert [job.subreddit] == request.subreddits
        assert result.result is EnqueueResult.CREATED


def test_an_unknown_subreddit_is_refused_where_none_may_be_inserted(conn: Connection) -> None:
    with pytest.raises(errors.NotFound, match="unknown"):
        job_enqueue.enqueue_stored(conn, [EnqueueRequest(["unknown"], 1, JobSource.SCHEDULE)])


@pytest.mark.parametrize("known", [True, False])
def test_jobs_are_returned_as_they_are_stored_before_and_after(
    conn: Connection, known: bool
) -> None:
    request = EnqueueRequest(["Python", "rust"], 70, JobSource.USER)
    before = {
        name: jobs.job(conn, jobs.enqueue(conn, name, visible_at=T0 + timedelta(hours=1)))
        for name in (["python", "rust"] if known else [])
    }
    changes = job_enqueue.enqueue_with_jobs(conn, [request], now=T0)
    assert [change.before for change in changes] == (list(before.values()) or [None, None])
    assert [change.after for change in changes] == [
        job_reads.get_job(conn, job_id=change.enqueued.job_id) for change in changes
    ]
