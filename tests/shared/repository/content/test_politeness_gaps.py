"""The limits of the gaps between requests and between crawls, and the jobs that wait for a gap."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.repository.content import crawl_history, politeness_gaps, stored_subreddits
from crawljobs.repository.content.crawl_history import Marks
from support import jobs
from support.jobs import T0

HOUR = 3_600.0


def known(conn: Connection, name: str = "python") -> int:
    return stored_subreddits.ensure(conn, names=[name], discovered_from=None, depth=0)[name]


def set_gaps(conn: Connection, request_gap: float | None, crawl_gap: float | None) -> None:
    politeness_gaps.set_politeness(
        conn, subreddit_id=known(conn), request_gap=request_gap, crawl_gap=crawl_gap, now=T0
    )


@pytest.mark.parametrize(
    ("request_gap", "crawl_gap"),
    [(None, None), (0, None), (0.5, None), (3_600, None), (None, 0), (1, 0.5), (1, 31_622_400)],
)
def test_gaps_within_the_limits_are_stored_for_their_subreddit(
    conn: Connection, request_gap: float | None, crawl_gap: float | None
) -> None:
    known(conn, "rust")
    set_gaps(conn, 7, 8)
    set_gaps(conn, request_gap, crawl_gap)
    rows = conn.execute(
        text("SELECT name, min_request_gap_seconds, min_crawl_gap_seconds FROM subreddits")
    )
    assert {row.name: tuple(row)[1:] for row in rows} == {
        "python": (request_gap, crawl_gap),
        "rust": (None, None),
    }


@pytest.mark.parametrize(
    ("request_gap", "crawl_gap", "longest"),
    [(-0.1, 1, 3600), (3_600.1, 1, 3600), (1, -0.1, 31622400), (1, 31_622_400.1, 31622400)],
)
def test_gaps_beyond_the_limits_are_refused(
    conn: Connection, request_gap: float, crawl_gap: float, longest: int
) -> None:
    with pytest.raises(ValueError, match=f"^the gap must be 0 to {longest} seconds, not "):
        set_gaps(conn, request_gap, crawl_gap)


def test_a_job_that_waits_for_the_old_gap_waits_for_the_new_one(conn: Connection) -> None:
    set_gaps(conn, None, HOUR)
    crawl_history.finish_crawl(conn, subreddit_id=known(conn), marks=Marks(), now=T0)
    job_id = jobs.enqueue(conn)
    assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, T0 + timedelta(hours=1))
    set_gaps(conn, None, HOUR / 2)
    assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, T0 + timedelta(minutes=30))
    set_gaps(conn, None, None)
    assert jobs.job(conn, job_id).status is JobStatus.QUEUED
