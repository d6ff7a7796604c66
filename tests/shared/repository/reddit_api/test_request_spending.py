"""The spending of requests is read from a bounded sample, whatever the checkpoints contain."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import ClauseElement, text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue import job_counts
from crawljobs.repository.reddit_api import request_spending, spending_jobs, window_minutes
from support import history_rows, plans
from support.jobs import T0, crawling, in_status

ROWS = 10_000


@pytest.mark.parametrize(
    "checkpoint", ["{}", '{"requests": "x"}', '{"requests": -1}', '{"requests": 1e300}', "[]", "7"]
)
def test_a_checkpoint_without_plausible_requests_counts_no_request(
    conn: Connection, checkpoint: str
) -> None:
    in_status(conn, JobStatus.SUCCEEDED, "done")
    conn.execute(
        text("UPDATE crawl_jobs SET finished_at = :now, checkpoint = CAST(:checkpoint AS jsonb)"),
        {"now": T0, "checkpoint": checkpoint},
    )
    found = request_spending.recent_spending(conn, now=T0)
    assert [(each.jobs, each.requests) for each in found.by_source] == [(1, 0)]
    assert found.requests_per_crawl is None
    late = request_spending.recent_spending(conn, now=T0 + timedelta(hours=2))
    assert (late.by_source, late.requests_per_crawl) == ([], None)


def test_the_requests_of_running_crawls_are_added_up(conn: Connection) -> None:
    for name, sent in (("first", 5), ("second", 7)):
        claim = crawling(conn, name)
        conn.execute(
            text(
                "UPDATE crawl_jobs SET checkpoint = jsonb_build_object('requests', "
                "CAST(:sent AS int)) WHERE id = :id"
            ),
            {"sent": sent, "id": claim.job_id},
        )
    counts = job_counts.count_jobs(conn, at_most=1)
    demand = request_spending.live_demand(conn, counts=counts, requests_per_crawl=3.0)
    assert (demand.live_jobs, demand.sent_by_running) == (1, 12)
    assert demand.at_least


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (request_spending.SPENDING, {"now": None}),
        (request_spending.SENT, {}),
        (spending_jobs.MOST, {"now": None}),
        (window_minutes.MINUTES, {"since": T0, "now": None}),
    ],
    ids=["spending", "sent", "jobs", "minutes"],
)
def test_no_table_that_grows_is_scanned(
    conn: Connection, statement: ClauseElement, values: dict[str, Any], mode: str
) -> None:
    conn.execute(
        text("INSERT INTO subreddits (name) SELECT 's' || n FROM generate_series(1, :n) AS n"),
        {"n": ROWS},
    )
    conn.execute(
        text(
            "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, "
            "finished_at) SELECT id, 'succeeded', 5, 5, 'user', now() - id * interval '1 s' "
            "FROM subreddits"
        )
    )
    history_rows.fill(conn, minutes=5_000)
    conn.execute(text("ANALYZE crawl_jobs, subreddits, budget_history"))
    plan = plans.generic_plan(conn, statement, values, mode=mode)
    assert plans.tables_scanned(plan) == []
