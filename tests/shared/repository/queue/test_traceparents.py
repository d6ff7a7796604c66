"""A job keeps the trace of the request that made it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from crawljobs.db.database import Connection
from crawljobs.domain import trace_context
from crawljobs.domain.job import JobSource
from crawljobs.repository.queue import operator_changes
from support.jobs import ENDS, T0, claim_one, complete, crawling, enqueue


def made() -> str:
    return str(trace_context.new())


def of_newest(conn: Connection) -> str | None:
    found: str | None = conn.execute(
        text("SELECT traceparent FROM crawl_jobs ORDER BY id DESC LIMIT 1")
    ).scalar_one()
    return found


def test_a_merge_leaves_a_job_in_the_trace_that_it_was_made_in(conn: Connection) -> None:
    first = made()
    enqueue(conn, traceparent=first)
    enqueue(conn, traceparent=made(), priority=90)
    assert claim_one(conn).traceparent == first


def test_a_follow_up_job_continues_the_trace_of_the_wish_that_it_has_its_source_of(
    conn: Connection,
) -> None:
    claim = crawling(conn, traceparent=made())
    stronger = made()
    enqueue(conn, traceparent=made(), priority=10, source=JobSource.SCHEDULE)
    enqueue(conn, traceparent=stronger, priority=60)
    enqueue(conn, traceparent=made(), priority=30, source=JobSource.SCHEDULE)
    complete(conn, claim=claim, outcome="crawled", now=T0)
    assert of_newest(conn) == stronger
    left = conn.execute(text("SELECT count(*) FROM crawl_jobs WHERE rerun_traceparent IS NOT NULL"))
    assert left.scalar_one() == 0


@pytest.mark.parametrize("second", [30, 60, 90])
def test_source_and_trace_of_a_follow_up_job_are_of_one_request(
    conn: Connection, second: int
) -> None:
    """Both come from the request with the higher priority, or from the first of two equal ones."""
    claim = crawling(conn)
    by_user, by_schedule = made(), made()
    enqueue(conn, traceparent=by_user, priority=60)
    enqueue(conn, traceparent=by_schedule, priority=second, source=JobSource.SCHEDULE)
    complete(conn, claim=claim, outcome="crawled", now=T0)
    found = conn.execute(
        text("SELECT priority, source, traceparent FROM crawl_jobs ORDER BY id DESC LIMIT 1")
    ).one()
    wanted = (90, "schedule", by_schedule) if second == 90 else (60, "user", by_user)
    assert tuple(found) == wanted


@pytest.mark.parametrize("end", ["schedule_retry", "defer", "release"])
def test_a_job_that_comes_back_stays_in_its_trace(conn: Connection, end: str) -> None:
    first = made()
    claim = crawling(conn, traceparent=first)
    enqueue(conn, traceparent=made())
    ENDS[end](conn, claim)
    assert of_newest(conn) == first


def test_an_operators_retry_begins_a_new_life_in_the_trace_of_that_request(
    conn: Connection,
) -> None:
    claim = crawling(conn, traceparent=made())
    ENDS["fail"](conn, claim)
    again = made()
    verb = operator_changes.Verb.RETRY
    operator_changes.change(conn, verb=verb, job_id=claim.job_id, traceparent=again, now=T0)
    assert claim_one(conn).traceparent == again


@pytest.mark.parametrize("column", ["traceparent", "rerun_traceparent"])
def test_the_database_takes_nothing_else_for_a_trace(conn: Connection, column: str) -> None:
    enqueue(conn)
    for hostile in ("", "x", made().upper(), made() + "\n", made() + "-more"):
        with pytest.raises(IntegrityError, match="traceparent"), conn.begin_nested():
            conn.execute(text(f"UPDATE crawl_jobs SET {column} = :value"), {"value": hostile})
