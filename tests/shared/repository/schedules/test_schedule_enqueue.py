"""Enqueueing for a batch of schedules: what one enqueue after the other would have done."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import EnqueueResult, JobSource, JobStatus
from crawljobs.repository.queue import job_queue, queue_pauses
from crawljobs.repository.schedules import schedule_enqueue
from crawljobs.repository.schedules.schedule_enqueue import ScheduledEnqueue
from support import jobs
from support import schedule_rows as rows
from support.jobs import T0

NAMES = [f"sub{number}" for number in range(12)]


def prepare(conn: Connection, dice: random.Random) -> None:
    """Subreddits with a job in any state, with a rerun wanted, paused, or with none."""
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


def enqueues(conn: Connection, dice: random.Random) -> list[ScheduledEnqueue]:
    """Several may be of the same subreddit; each schedule has one."""
    schedules = conn.execute(
        text("SELECT id, subreddit_id FROM scheduled_jobs ORDER BY subreddit_id, id")
    ).all()
    return [
        ScheduledEnqueue(row.id, subreddit.subreddit_id, dice.randint(0, 100), dice.randint(0, 9))
        for row, subreddit in zip(
            schedules, sorted(dice.choices(schedules, k=len(NAMES))), strict=True
        )
    ]


def state(conn: Connection) -> list[dict[str, Any]]:
    """Every job but for its id, which a sequence gives and no rule."""
    found = conn.execute(text("SELECT * FROM crawl_jobs ORDER BY subreddit_id, created_at, id"))
    return [{**row._mapping, "id": None} for row in found]


@pytest.mark.parametrize("seed", range(12))
def test_a_batch_does_what_one_after_the_other_would(conn: Connection, seed: int) -> None:
    dice = random.Random(seed)
    prepare(conn, dice)
    asked = enqueues(conn, dice)
    now = T0 + timedelta(minutes=1)
    name_of = {
        row.id: row.name for row in conn.execute(text("SELECT id, name FROM subreddits")).all()
    }
    one_after_the_other = conn.begin_nested()
    one_by_one = [
        job_queue.enqueue(
            conn,
            subreddit=name_of[wish.subreddit_id],
            priority=wish.priority,
            source=JobSource.SCHEDULE,
            max_retries=wish.max_retries,
            scheduled_job_id=wish.schedule_id,
            now=now,
        ).result
        for wish in asked
    ]
    expected = state(conn)
    one_after_the_other.rollback()
    results = schedule_enqueue.enqueue_for_schedules(conn, enqueues=asked, now=now)
    assert [results[wish.schedule_id].result for wish in asked] == one_by_one
    assert state(conn) == expected


def test_does_nothing_for_no_wish(conn: Connection) -> None:
    assert schedule_enqueue.enqueue_for_schedules(conn, enqueues=[]) == {}


def test_each_wish_has_its_own_priority_retries_and_schedule(conn: Connection) -> None:
    made = [rows.create(conn, name, subreddit=name, now=T0) for name in NAMES]
    asked = [ScheduledEnqueue(s.id, s.subreddit_id, 10 + i, i) for i, s in enumerate(made)]
    results = schedule_enqueue.enqueue_for_schedules(conn, enqueues=list(reversed(asked)), now=T0)
    for wish in asked:
        job = jobs.job(conn, results[wish.schedule_id].job_id)
        assert (job.priority, job.base_priority, job.max_retries, job.scheduled_job_id) == (
            wish.priority,
            wish.priority,
            wish.max_retries,
            wish.schedule_id,
        )
        assert results[wish.schedule_id].result is EnqueueResult.CREATED
