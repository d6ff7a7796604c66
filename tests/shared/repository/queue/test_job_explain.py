"""The causes that decide when a job runs, each tested alone and at its limits."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.claim_surroundings import Surroundings
from crawljobs.repository.operations import service_instances
from crawljobs.repository.queue import queue_pauses
from crawljobs.repository.queue.explained import job_explain
from crawljobs.repository.queue.explained.job_explain import PACE_SAMPLE
from support import jobs
from support.jobs import T0

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def around(conn: Connection, job_id: int, **options: Any) -> Surroundings:
    return job_explain.surroundings(conn, job=jobs.job(conn, job_id), **{"now": T0, **options})


def test_with_nothing_around_it_nothing_holds_a_job_up(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    assert around(conn, job_id) == Surroundings(
        now=T0,
        paused=False,
        paused_until=None,
        subreddit_paused=False,
        subreddit_paused_until=None,
        reddit_until=None,
        reddit_reason=None,
        reddit_detail="",
        workers_alive=0,
        ahead=0,
        ahead_at_least=False,
        starts_per_minute=0,
    )


@pytest.mark.parametrize(
    ("attempts", "seconds", "per_minute"),
    [
        (1, 5, 12),  # fewer attempts than a sample: the time since the first of them
        (1, 1800, 1 / 30),
        (PACE_SAMPLE - 1, 5, (PACE_SAMPLE - 1) * 12),
        (PACE_SAMPLE, 1800, PACE_SAMPLE / 30),
        (PACE_SAMPLE + 50, 1800, PACE_SAMPLE / 30),
        (PACE_SAMPLE, 20, PACE_SAMPLE * 3),
        (PACE_SAMPLE, 0.2, PACE_SAMPLE * 60),  # a shorter time counts as one second
        (PACE_SAMPLE, 0, PACE_SAMPLE * 60),
        (PACE_SAMPLE, 3600, 0),  # too long ago to count
    ],
)
def test_the_pace_is_that_of_the_newest_attempts(
    conn: Connection, attempts: int, seconds: float, per_minute: float
) -> None:
    job_id = jobs.enqueue(conn)
    conn.execute(
        text(
            "INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome) "
            "SELECT :id, 'w', :at, :at, 'succeeded' FROM generate_series(1, :attempts)"
        ),
        {"id": job_id, "attempts": attempts, "at": T0 - timedelta(seconds=seconds)},
    )
    assert around(conn, job_id).starts_per_minute == pytest.approx(per_minute)


@pytest.mark.parametrize(
    ("higher", "older", "ahead", "at_least"),
    [
        (0, 3, 3, False),
        (3, 0, 3, False),
        (2, 2, 4, False),
        (3, 3, 6, False),
        (4, 1, 4, True),  # one job more than the limit of the count
        (1, 4, 4, True),
        (9, 9, 6, True),
    ],
)
def test_those_ahead_are_counted_up_to_a_bound_of_each_kind(
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    higher: int,
    older: int,
    ahead: int,
    *,
    at_least: bool,
) -> None:
    monkeypatch.setattr(job_explain, "COUNT_MAX", 3)  # the limit in the statement is higher
    for n in range(higher):
        jobs.enqueue(conn, f"higher_{n}", priority=51, now=T0 + MINUTE)
    for n in range(older):
        jobs.enqueue(conn, f"older_{n}")
    job_id = jobs.enqueue(conn)
    jobs.enqueue(conn, "younger")
    jobs.enqueue(conn, "lower", priority=49, now=T0 - MINUTE)
    found = around(conn, job_id)
    assert (found.ahead, found.ahead_at_least) == (ahead, at_least)


@pytest.mark.parametrize(("seconds", "alive"), [(0, 1), (59, 1), (60, 0), (61, 0)])
def test_a_worker_that_was_not_seen_for_a_minute_counts_as_gone(
    conn: Connection, seconds: float, alive: int
) -> None:
    job_id = jobs.enqueue(conn)
    for name, role in (("w", "crawler-worker"), ("s", "scheduler"), ("a", "admin-api")):
        service_instances.seen(
            conn, name=name, role=role, version="1", details={}, now=T0 - seconds * SECOND
        )
    assert around(conn, job_id).workers_alive == alive


@pytest.mark.parametrize("is_of_everything", [True, False])
@pytest.mark.parametrize(
    ("until", "is_paused"), [(None, True), (T0 + SECOND, True), (T0, False), (T0 - SECOND, False)]
)
def test_a_pause_counts_until_its_end(
    conn: Connection, *, is_of_everything: bool, until: Any, is_paused: bool
) -> None:
    job_id, other = jobs.enqueue(conn), jobs.enqueue(conn, "other")
    scope = queue_pauses.EVERYTHING if is_of_everything else jobs.job(conn, job_id).subreddit_id
    queue_pauses.pause(
        conn, scope=scope, reason="r", paused_by="ops", until=T0 + MINUTE, now=T0 - MINUTE
    )
    conn.execute(text("UPDATE queue_pauses SET until = :until"), {"until": until})
    expected = (True, until) if is_paused else (False, None)
    none = (False, None)
    for of, is_mine in ((job_id, True), (other, False)):
        found = around(conn, of)
        everything = (found.paused, found.paused_until)
        subreddit = (found.subreddit_paused, found.subreddit_paused_until)
        assert everything == (expected if is_of_everything else none)
        assert subreddit == (expected if is_mine and not is_of_everything else none)


@pytest.mark.parametrize(
    ("paused", "outage", "reason", "expected"),
    [
        (None, None, "outage", (None, None, "")),
        (0, 0, "outage", (None, None, "")),  # both pauses end at this moment
        (9, None, None, (9, None, "")),
        (None, 9, "outage", (9, "outage", "busy")),
        (20, 9, "client_refused", (20, "client_refused", "busy")),
        (5, 9, "rate_limit", (9, "outage", "busy")),  # the reason is left over from an earlier 429
        (None, 9, None, (9, "outage", "busy")),
    ],
)
def test_reddit_holds_jobs_up_until_the_later_of_its_pauses(
    conn: Connection,
    paused: int | None,
    outage: int | None,
    reason: str | None,
    expected: tuple[int | None, str | None, str],
) -> None:
    job_id = jobs.enqueue(conn)
    conn.execute(
        text(
            "INSERT INTO reddit_budgets "
            "(client_id, paused_until, outage_until, paused_reason, paused_detail) "
            "VALUES ('calm', NULL, NULL, NULL, NULL), ('busy', :paused, :outage, :reason, 'busy')"
        ),
        {
            "paused": None if paused is None else T0 + paused * SECOND,
            "outage": None if outage is None else T0 + outage * SECOND,
            "reason": reason,
        },
    )
    until, why, detail = expected
    found = around(conn, job_id)
    assert (found.reddit_until, found.reddit_reason, found.reddit_detail) == (
        None if until is None else T0 + until * SECOND,
        why,
        detail,
    )


def test_of_several_client_ids_in_an_outage_the_last_to_end_is_named(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    conn.execute(
        text(
            "INSERT INTO reddit_budgets (client_id, outage_until, paused_reason, paused_detail) "
            "SELECT id, CAST(:now AS timestamptz) + seconds * interval '1 s', reason, id "
            "FROM (VALUES ('one', 5, 'outage'), ('two', 9, 'client_refused'), "
            "('three', 7, 'credentials_refused')) AS budget (id, seconds, reason)"
        ),
        {"now": T0},
    )
    found = around(conn, job_id)
    assert found.reddit_until == T0 + 9 * SECOND
    assert (found.reddit_reason, found.reddit_detail) == ("client_refused", "two")
