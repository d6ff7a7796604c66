"""A new job is queued, or waits for a cause until the exact time when the cause ends."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import JobSource, JobStatus, WaitReason
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.queue import (
    enqueue_asks,
    job_enqueue,
    job_enqueue_sql,
    queue_pauses,
    queue_sql,
)
from support import jobs, listed_jobs
from support.jobs import T0
from support.parked import SECOND, crawl_gap, crawled, follow_up, pause, scope_of

MOMENT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


def born(conn: Connection, job_id: int) -> tuple[JobStatus, WaitReason | None, timedelta]:
    job = jobs.job(conn, job_id)
    return job.status, job.wait_reason, job.visible_at - T0


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("after", "status", "reason"),
    [
        (timedelta(), JobStatus.QUEUED, None),
        (MOMENT, JobStatus.WAITING, WaitReason.LATER),
    ],
)
def test_a_job_for_this_moment_is_queued(
    conn: Connection, known: bool, after: timedelta, status: JobStatus, reason: WaitReason | None
) -> None:
    if known:
        scope_of(conn)
    job_id = jobs.enqueue(conn, visible_at=T0 + after)
    assert born(conn, job_id) == (status, reason, after)
    assert jobs.job(conn, job_id).depth == 0


@pytest.mark.parametrize(
    ("gap", "ago", "waits"),
    [
        (10, 10, None),  # the gap ends now
        (10, 9, 1),
        (1, 0, 1),
        (90, 0, 60),  # parked for a minute at most
        (0, -5, None),  # no gap, and the clock was set back since the crawl
    ],
)
def test_a_job_waits_for_the_rest_of_the_gap_between_crawls(
    conn: Connection, gap: int, ago: int, waits: int | None
) -> None:
    crawled(conn, T0 - ago * SECOND)
    crawl_gap(conn, None)
    conn.execute(text("UPDATE subreddits SET min_crawl_gap_seconds = :gap"), {"gap": gap})
    job_id = jobs.enqueue(conn)
    if waits is None:
        assert born(conn, job_id) == (JobStatus.QUEUED, None, timedelta())
    else:
        expected = (JobStatus.WAITING, WaitReason.POLITENESS, waits * SECOND)
        assert born(conn, job_id) == expected


@pytest.mark.parametrize(("until", "waits"), [(0, None), (1, 1), (60, 60), (61, 60), (None, 60)])
def test_a_job_waits_for_the_rest_of_the_pause(
    conn: Connection, until: int | None, waits: int | None
) -> None:
    other = scope_of(conn, "rust")
    queue_pauses.pause(conn, scope=other, reason="r", paused_by="ops", now=T0)
    pause(conn, until=None if until is None else T0 + until * SECOND, now=T0 - MINUTE)
    job_id = jobs.enqueue(conn)
    if waits is None:
        assert born(conn, job_id) == (JobStatus.QUEUED, None, timedelta())
    else:
        assert born(conn, job_id) == (JobStatus.WAITING, WaitReason.PAUSED, waits * SECOND)
    assert queue_pauses.is_paused(conn, subreddit_id=scope_of(conn), now=T0) is (waits is not None)
    listed = [one.subreddit for one in queue_pauses.list_pauses(conn, now=T0)]
    assert listed == ["rust", *(["python"] if waits is not None else [])]
    in_force = queue_pauses.get_pause(conn, scope=scope_of(conn), now=T0)
    assert (in_force is not None) is (waits is not None)


def test_a_follow_up_becomes_claimable_when_the_crawl_ends(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn, now=T0 + SECOND)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0 + 9 * SECOND)
    made = follow_up(conn, claim.job_id)
    assert born(conn, made) == (JobStatus.QUEUED, None, 9 * SECOND)


@pytest.mark.parametrize(("second", "priority"), [(29, 30), (30, 30), (31, 31)])
def test_of_two_reruns_the_source_of_the_higher_priority_or_the_first_counts(
    conn: Connection, second: int, priority: int
) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn, priority=30, source=JobSource.SCHEDULE)
    jobs.enqueue(conn, priority=second, source=JobSource.DISCOVERY)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    made = jobs.job(conn, follow_up(conn, claim.job_id))
    expected = JobSource.DISCOVERY if second > 30 else JobSource.SCHEDULE
    assert (made.source, made.priority) == (expected, priority)


@pytest.mark.parametrize("name", ["python", "rust"])
@pytest.mark.parametrize("others", [["golang"], []])
def test_between_a_pause_and_its_sweep_no_job_of_the_subreddit_is_claimed(
    conn: Connection, name: str, others: list[str]
) -> None:
    conn.execute(
        text("INSERT INTO subreddits (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'python')")
    )
    jobs.enqueue(conn, name)
    for paused in (1, *(scope_of(conn, other) for other in others)):
        conn.execute(
            text("INSERT INTO queue_pauses (scope, reason, paused_by) VALUES (:scope, 'r', 'me')"),
            {"scope": paused},
        )
    claims = [claim.subreddit for claim in jobs.claim_all(conn)]
    assert claims == (["rust"] if name == "rust" else [])


def test_rows_are_inserted_in_the_order_in_which_other_requests_lock_them(
    conn: Connection,
) -> None:
    stored_subreddits.ensure(conn, names=["kb", "ka", "kc"], discovered_from=None, depth=0)
    request = EnqueueRequest(["nc", "ka", "na", "kc", "nb", "kb"], 50, JobSource.USER)
    results = job_enqueue.enqueue(conn, [request], now=T0)
    assert [result.subreddit for result in results] == request.subreddits
    by_id = sorted(listed_jobs.list_jobs(conn), key=lambda one: one.id)
    known = [one for one in by_id if one.subreddit.startswith("k")]
    assert [one.subreddit_id for one in known] == sorted(one.subreddit_id for one in known)
    made = conn.execute(text("SELECT name FROM subreddits WHERE name LIKE 'n%' ORDER BY id"))
    assert list(made.scalars()) == ["na", "nb", "nc"]


def test_a_merge_shows_the_live_job_and_not_the_finished_ones(conn: Connection) -> None:
    for _ in range(3):
        jobs.in_status(conn, JobStatus.FAILED)
    live = jobs.job(conn, jobs.enqueue(conn, priority=10))
    request = EnqueueRequest(["python"], 90, JobSource.USER)
    (change,) = job_enqueue.enqueue_with_jobs(conn, [request], now=T0)
    assert change.before == live
    assert (change.after.id, change.after.priority) == (live.id, 90)


class Fruitless:
    """Replaces the enqueue statement: another transaction changes each job all the time."""

    def __init__(self) -> None:
        self.runs = 0

    def rows(self, *_: object) -> list[tuple[object, ...]]:
        self.runs += 1
        return []


@pytest.mark.parametrize(
    ("statement", "runs", "error", "message"),
    [
        (
            "ENQUEUE",
            6,
            errors.DatabaseUnavailable,
            "^other transactions change s0, s1, s2, s3, s4 ",
        ),
        ("ENQUEUE_STORED", 1, errors.NotFound, "^unknown subreddits: s0, s1, s2, s3, s4$"),
    ],
)
def test_an_enqueue_gives_up_after_some_tries_and_names_a_few_subreddits(
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
    runs: int,
    error: type[Exception],
    message: str,
) -> None:
    fruitless = Fruitless()
    monkeypatch.setattr(job_enqueue_sql, statement, fruitless)
    act = {"ENQUEUE": job_enqueue.enqueue, "ENQUEUE_STORED": job_enqueue.enqueue_stored}[statement]
    request = EnqueueRequest([f"s{number}" for number in range(9)], 50, JobSource.USER)
    with pytest.raises(error, match=message):
        act(conn, [request], now=T0)
    assert fruitless.runs == runs


def test_a_subreddit_that_is_named_often_is_asked_for_in_as_many_statements() -> None:
    requests = [EnqueueRequest(["a1", "A1", "b2"], number, JobSource.USER) for number in range(3)]
    asks = enqueue_asks.of_requests(requests)
    assert [(ask.place, ask.name) for ask in asks] == [
        (0, "a1"), (1, "b2"), (2, "a1"), (3, "b2"), (4, "a1"), (5, "b2"),
    ]  # fmt: skip
    waves = enqueue_asks.waves(asks)
    assert [[ask.request.priority for ask in wave] for wave in waves] == [[0, 0], [1, 1], [2, 2]]


@pytest.mark.parametrize(
    ("sql", "skipping"),
    [
        ("SELECT LIMIT :at_most", "SELECT LIMIT :at_most OFFSET 3"),
        (
            "SELECT LIMIT :at_most + 1 LIMIT :at_most",
            "SELECT LIMIT :at_most + 1 LIMIT :at_most OFFSET 3",
        ),
        ("CASE WHEN x THEN :at_most ELSE 0 END)", "CASE WHEN x THEN :at_most ELSE 0 END) OFFSET 3"),
        ("SELECT", None),
        ("LIMIT :at_most LIMIT :at_most", None),
    ],
)
def test_a_sweep_skips_rows_at_its_one_limit(sql: str, skipping: str | None) -> None:
    statement = text(sql)
    assert queue_sql.passing_over(statement, 0) is statement
    if skipping is None:
        with pytest.raises(ValueError, match="places for an OFFSET"):
            queue_sql.passing_over(statement, 3)
    else:
        assert queue_sql.passing_over(statement, 3).text == skipping
