"""A resolver that is late, or that runs beside others, still shows the present ends of jobs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.group import StepState
from crawljobs.domain.operator_verbs import Verb
from crawljobs.repository.groups import settle, start
from crawljobs.repository.queue import operator_changes
from support import groups, jobs
from support.groups import end_job, group, job_of, resolve, states, step
from support.jobs import T0
from support.locks import blocked_sessions
from support.waiting import wait_until

S = StepState


def retry(conn: Connection, job_id: int) -> None:
    operator_changes.change(conn, verb=Verb.RETRY, job_id=job_id, now=T0)


@pytest.mark.parametrize("at_most", [1, 1_000])
def test_a_retry_that_succeeds_before_the_resolver_looks_opens_the_later_steps(
    conn: Connection, at_most: int
) -> None:
    chain = group(conn, step("a"), step("b", "a"), step("c", "b"))
    resolve(conn)
    job = job_of(conn, chain, "a")
    end_job(conn, job, how="failed")
    resolve(conn)
    assert states(conn, chain) == {"a": S.FAILED, "b": S.SKIPPED, "c": S.SKIPPED}
    retry(conn, job)
    end_job(conn, job)
    resolve(conn, at_most=at_most)
    assert states(conn, chain) == {"a": S.SUCCEEDED, "b": S.ENQUEUED, "c": S.PENDING}
    # The group is open, so its second run has not finished.
    assert groups.finishes(conn, chain) == [(1, "failed")]


def test_a_retry_that_fails_before_the_resolver_looks_fails_the_step(conn: Connection) -> None:
    single = group(conn, step("a", requires="crawled"))
    resolve(conn)
    job = job_of(conn, single, "a")
    end_job(conn, job)
    resolve(conn)
    for how, state in (
        ("failed", S.FAILED),
        ("crawled", S.SUCCEEDED),
        ("private", S.FAILED),
    ):
        retry(conn, job)
        end_job(conn, job, how=how)
        resolve(conn)
        assert states(conn, single) == {"a": state}
    finishes = [outcome for _, outcome in groups.finishes(conn, single)]
    assert finishes == ["succeeded", "failed", "succeeded", "failed"]


def test_a_wait_for_a_job_that_was_retried_and_ended_has_the_new_end(conn: Connection) -> None:
    job = jobs.enqueue(conn, "elsewhere")
    waiting = group(conn, step("b", job), step("z", all_others=True))
    end_job(conn, job, how="failed")
    resolve(conn)
    assert states(conn, waiting) == {"b": S.SKIPPED, "z": S.SKIPPED}
    retry(conn, job)
    end_job(conn, job)
    resolve(conn)
    assert states(conn, waiting) == {"b": S.ENQUEUED, "z": S.PENDING}


def test_a_wait_keeps_the_end_of_a_job_that_is_deleted_later(conn: Connection) -> None:
    job = jobs.enqueue(conn, "elsewhere")
    waiting = group(conn, step("a"), step("b", "a", job))
    resolve(conn)
    end_job(conn, job)
    resolve(conn)
    operator_changes.change(conn, verb=Verb.DELETE, job_id=job, force=True, now=T0)
    end_job(conn, job_of(conn, waiting, "a"))
    resolve(conn)
    assert states(conn, waiting) == {"a": S.SUCCEEDED, "b": S.ENQUEUED}


def test_two_resolvers_end_a_step_once_of_which_one_follows_a_rerun(database: Database) -> None:
    """Each resolver changes the steps of those groups only that it has locked.

    A step of the first group follows a job whose follow-up job has ended. A step of the second
    group follows the follow-up job only.
    """
    with database.begin() as conn:
        running = jobs.crawling(conn, "pots")
        first = group(conn, step("a", subreddit="pots"))
        resolve(conn)
        jobs.complete(conn, claim=running, outcome="crawled", now=T0)
        second = group(conn, step("b", subreddit="pots"), step("c"))
        start.start(conn, now=T0)
        end_job(conn, job_of(conn, second, "b"))
        changed = conn.execute(text("SELECT job_id FROM upstream_changes ORDER BY id")).scalars()
        assert [*changed] == [running.job_id, job_of(conn, second, "b")]

    def settle_the_first() -> None:
        with database.begin() as conn:
            settle.settle(conn, at_most=1, now=T0)

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as conn:
            with database.begin() as holds_the_first_row:
                holds_the_first_row.execute(
                    text("SELECT FROM upstream_changes ORDER BY id LIMIT 1 FOR UPDATE")
                )
                assert settle.settle(conn, at_most=1, now=T0).changes == 1
            other = pool.submit(settle_the_first)
            wait_until(
                lambda: other.done() or blocked_sessions(database) > 0,
                timeout=10,
                describe="the other resolver to end or to wait",
            )
        other.result(timeout=10)
    with database.begin() as conn:
        assert states(conn, second) == {"b": S.SUCCEEDED, "c": S.ENQUEUED}
        assert states(conn, first) == {"a": S.SUCCEEDED}
