"""A list of jobs has the jobs that match, in its order, each on one page."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import ErrorKind, Job, JobSource, JobStatus
from crawljobs.domain.job_filter import JobFilter, JobSort
from crawljobs.repository.queue import job_list, job_reads
from support import jobs, listed_jobs
from support import schedule_rows as rows
from support.jobs import T0
from support.sweep_cases import job

MINUTE = timedelta(minutes=1)
MOMENTS = [T0, T0 + MINUTE, T0 + 2 * MINUTE, T0 + 3 * MINUTE]
MANY = 70
SUBREDDIT, SCHEDULE, DELETED_SCHEDULE = 1, 2, 3  # stand for ids in the filters below


def values_of(dice: random.Random, number: int) -> dict[str, Any]:
    status = dice.choice([*JobStatus, JobStatus.QUEUED, JobStatus.QUEUED])
    created = dice.choice(MOMENTS)
    values = job(
        status,
        priority=dice.choice([10, 50, 100]),
        priority_ceiling=dice.choice([10, 50, 100]),
        source=dice.choice(list(JobSource)),
        created_at=created,
        queued_at=created + dice.choice([timedelta(), timedelta(), MINUTE]),
        visible_at=dice.choice(MOMENTS),
        error_kind=dice.choice([None, "permanent", "retryable"]),
        error_message=dice.choice([None, "HTTP 503", "100%_sure", "100 sure", r"a\b"]),
        incomplete=dice.choice([True, False]),
    )
    if values["finished_at"] is not None:
        values["finished_at"] = dice.choice(MOMENTS)
    if status is JobStatus.CRAWLING:
        values["claimed_by"] = dice.choice(["worker-1", "worker-10"])
        values["claim_token"] = f"00000000-0000-0000-0000-{number:012}"
    return values


class World:
    """Inserts jobs of every kind, and keeps them for the expected lists."""

    def __init__(self, conn: Connection) -> None:
        dice = random.Random(3)
        schedules = [rows.create(conn, name, subreddit=name).id for name in ("kept", "deleted")]
        conn.execute(text("DELETE FROM scheduled_jobs WHERE name = 'deleted'"))
        for number in range(MANY):
            values = values_of(dice, number)
            is_final = values["finished_at"] is not None
            name = "busy" if is_final and number % 3 == 0 else f"sub{number}"
            values["subreddit_id"] = _subreddit(conn, name)
            values["scheduled_job_id"] = dice.choice([None, *schedules])
            columns, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
            conn.execute(text(f"INSERT INTO crawl_jobs ({columns}) VALUES ({marks})"), values)
        live = values_of(random.Random(1), MANY)
        assert live["finished_at"] is None
        live["subreddit_id"] = _subreddit(conn, "busy")
        columns, marks = ", ".join(live), ", ".join(f":{name}" for name in live)
        conn.execute(text(f"INSERT INTO crawl_jobs ({columns}) VALUES ({marks})"), live)
        self.jobs = listed_jobs.list_jobs(conn, limit=MANY + 1)
        assert len(self.jobs) == MANY + 1
        self.ids = {
            SUBREDDIT: live["subreddit_id"],
            SCHEDULE: schedules[0],
            DELETED_SCHEDULE: schedules[1],
        }

    def filter(self, wanted: dict[str, Any]) -> JobFilter:
        named = ("subreddit_id", "scheduled_job_id")
        return JobFilter(
            **{name: self.ids[v] if name in named else v for name, v in wanted.items()}
        )


def _subreddit(conn: Connection, name: str) -> int:
    query = text(
        "INSERT INTO subreddits (name) VALUES (:name) ON CONFLICT (lower(name)) "
        "DO UPDATE SET name = excluded.name RETURNING id"
    )
    return int(conn.execute(query, {"name": name}).scalar_one())


def matches(one: Job, wanted: JobFilter) -> bool:
    finished = one.finished_at or datetime.min.replace(tzinfo=T0.tzinfo)
    is_final = one.finished_at is not None
    checks = [
        not wanted.statuses or one.status in wanted.statuses,
        wanted.subreddit_id in (None, one.subreddit_id),
        wanted.scheduled_job_id in (None, one.scheduled_job_id),
        not wanted.sources or one.source in wanted.sources,
        wanted.priority_min is None or one.priority >= wanted.priority_min,
        wanted.priority_max is None or one.priority <= wanted.priority_max,
        wanted.error_kind in (None, one.error_kind),
        wanted.error_text is None
        or (
            one.error_message is not None and wanted.error_text.lower() in one.error_message.lower()
        ),
        wanted.created_after is None or one.created_at >= wanted.created_after,
        wanted.created_before is None or one.created_at < wanted.created_before,
        wanted.finished_after is None or (is_final and finished >= wanted.finished_after),
        wanted.finished_before is None or (is_final and finished < wanted.finished_before),
        wanted.worker in (None, one.claimed_by),
        wanted.incomplete in (None, one.incomplete),
    ]
    return all(checks)


# The keys by which each order sorts, and the statuses that it has.
FINAL = {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}
ORDERS: dict[JobSort, tuple[Callable[[Job], Any], set[JobStatus]]] = {
    JobSort.NEWEST: (lambda one: (-one.created_at.timestamp(), -one.id), set(JobStatus)),
    JobSort.OLDEST: (lambda one: (one.created_at.timestamp(), one.id), set(JobStatus)),
    JobSort.ENDED_LAST: (lambda one: (-one.finished_at.timestamp(), -one.id), FINAL),  # type: ignore[union-attr]
    JobSort.ENDED_FIRST: (lambda one: (one.finished_at.timestamp(), one.id), FINAL),  # type: ignore[union-attr]
    JobSort.CLAIM_ORDER: (
        lambda one: (-one.priority, one.created_at.timestamp(), one.id),
        {JobStatus.QUEUED},
    ),
    JobSort.DUE_FIRST: (lambda one: (one.visible_at.timestamp(), one.id), {JobStatus.WAITING}),
}

FILTERS: list[tuple[dict[str, Any], JobSort]] = [
    ({"statuses": frozenset({JobStatus.QUEUED, JobStatus.FAILED})}, JobSort.NEWEST),
    ({"subreddit_id": SUBREDDIT}, JobSort.OLDEST),
    ({"subreddit_id": SUBREDDIT, "statuses": frozenset({JobStatus.FAILED})}, JobSort.OLDEST),
    ({"scheduled_job_id": SCHEDULE}, JobSort.NEWEST),
    ({"scheduled_job_id": DELETED_SCHEDULE}, JobSort.NEWEST),
    ({"sources": frozenset({JobSource.USER, JobSource.SCHEDULE})}, JobSort.OLDEST),
    ({"priority_min": 50}, JobSort.CLAIM_ORDER),
    ({"priority_max": 50}, JobSort.CLAIM_ORDER),
    ({"priority_min": 50, "priority_max": 50}, JobSort.DUE_FIRST),
    ({"error_kind": ErrorKind.PERMANENT}, JobSort.ENDED_LAST),
    ({"error_text": "http 5"}, JobSort.ENDED_LAST),
    ({"error_text": "100%_SURE"}, JobSort.NEWEST),
    ({"error_text": "\\"}, JobSort.OLDEST),
    ({"created_after": MOMENTS[1]}, JobSort.NEWEST),
    ({"created_before": MOMENTS[2]}, JobSort.NEWEST),
    ({"created_after": MOMENTS[1], "created_before": MOMENTS[2]}, JobSort.CLAIM_ORDER),
    ({"finished_after": MOMENTS[1]}, JobSort.ENDED_LAST),
    ({"finished_before": MOMENTS[2]}, JobSort.ENDED_FIRST),
    ({"worker": "worker-1"}, JobSort.NEWEST),
    ({"incomplete": True}, JobSort.DUE_FIRST),
    ({"incomplete": False}, JobSort.DUE_FIRST),
]


def pages(
    conn: Connection, filters: JobFilter, sort: JobSort, limit: int, scan_limit: int | None = None
) -> list[list[Job]]:
    found: list[list[Job]] = []
    after = None
    for _ in range(500):
        page = job_list.list_jobs(
            conn, filters=filters, sort=sort, after=after, limit=limit, scan_limit=scan_limit
        )
        found.append(page.jobs)
        after = page.next
        if after is None:
            return found
    raise AssertionError("the list does not end")


def expected_of(world: World, filters: JobFilter, sort: JobSort) -> list[Job]:
    key, statuses = ORDERS[sort]
    found = [one for one in world.jobs if one.status in statuses and matches(one, filters)]
    return sorted(found, key=key)


def test_each_filter_finds_the_jobs_that_match(conn: Connection) -> None:
    world = World(conn)
    for wanted, sort in FILTERS:
        filters = world.filter(wanted)
        expected = expected_of(world, filters, sort)
        assert (expected == []) is (wanted == {"scheduled_job_id": DELETED_SCHEDULE})
        page = job_list.list_jobs(conn, filters=filters, sort=sort)
        assert page.jobs == expected, (wanted, sort)
        assert page.next is None


def test_each_job_is_on_one_page_in_each_order(conn: Connection) -> None:
    world = World(conn)
    for sort in ORDERS:
        found = pages(conn, JobFilter(), sort, limit=4)
        assert [one for page in found for one in page] == expected_of(world, JobFilter(), sort)
        assert all(len(page) == 4 for page in found[:-1])
        assert len(found[-1]) > 0
    of_one = world.filter({"subreddit_id": SUBREDDIT})
    found = pages(conn, of_one, JobSort.NEWEST, limit=2)
    assert [one for page in found for one in page] == expected_of(world, of_one, JobSort.NEWEST)


@pytest.mark.parametrize("sort", [JobSort.OLDEST, JobSort.CLAIM_ORDER])
def test_no_job_is_left_out_when_a_page_reads_few_jobs(conn: Connection, sort: JobSort) -> None:
    world = World(conn)
    filters = JobFilter(priority_min=100)
    found = pages(conn, filters, sort, limit=2, scan_limit=3)
    assert [one for page in found for one in page] == expected_of(world, filters, sort)
    assert all(len(page) <= 2 for page in found)


def test_a_page_has_a_hundred_jobs_unless_asked_otherwise(conn: Connection) -> None:
    conn.execute(text("INSERT INTO subreddits (name) SELECT 'sub' || n "
                      "FROM generate_series(1, 101) n"))  # fmt: skip
    conn.execute(
        text(
            "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source) "
            "SELECT id, 'queued', 50, 50, 'user' FROM subreddits"
        )
    )
    page = job_list.list_jobs(conn, filters=JobFilter())
    assert len(page.jobs) == 100
    assert page.next is not None
    rest = job_list.list_jobs(conn, filters=JobFilter(), after=page.next)
    assert (len(rest.jobs), rest.next) == (1, None)


def test_attempts_are_listed_from_the_newest_a_hundred_at_most(conn: Connection) -> None:
    job_id, other = jobs.enqueue(conn), jobs.enqueue(conn, "other")
    conn.execute(
        text(
            "INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome, "
            "error_kind) SELECT id, 'w' || n, :at, :at, 'failed', "
            "CASE n WHEN 101 THEN 'permanent' END FROM generate_series(1, 101) n, crawl_jobs"
        ),
        {"at": T0},
    )
    found = job_reads.list_attempts(conn, job_id=job_id)
    assert [one.worker for one in found] == [f"w{n}" for n in range(101, 1, -1)]
    assert [one.error_kind for one in found[:2]] == [ErrorKind.PERMANENT, None]
    few = job_reads.list_attempts(conn, job_id=other, limit=2)
    assert [one.worker for one in few] == ["w101", "w100"]
