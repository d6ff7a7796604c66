"""Each error of a crawl leads to an end of its claim, and each end has its log line."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from crawler_worker.claims import stopped_crawl
from crawler_worker.reddit import crawl_failures
from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain.job import WaitReason
from crawljobs.domain.retry import RetryPolicy
from crawljobs.domain.transitions import Transition
from crawljobs.runtime import tracing
from support import jobs

LINES = {
    "complete": ("info", "job.completed", {"outcome": "crawled"}),
    "release": ("info", "job.released", {}),
    "defer": (
        "info",
        "job.deferred",
        {
            "wait_reason": "rate_limit",
            "in_seconds": 9.0,
            "error_kind": "deferred",
            "error": "later",
        },
    ),
    "schedule_retry": (
        "warning",
        "job.retry_scheduled",
        {"in_seconds": 60.0, "error_kind": "retryable", "error": "503"},
    ),
    "fail": ("warning", "job.failed", {"error_kind": "permanent", "error": "no"}),
}


def test_each_end_has_a_line() -> None:
    assert LINES.keys() == jobs.EACH_END.keys() == {verb.value for verb in stopped_crawl._LOG_LINES}


@pytest.mark.parametrize("how", LINES)
def test_an_end_is_told_with_what_is_known_of_it(conn: Connection, how: str) -> None:
    claim = jobs.crawling(conn)
    level, event, about = LINES[how]
    with capture_logs() as told:
        stopped_crawl.log_completion(
            jobs.EACH_END[how](claim), tracing.begin("crawl", tracing.Kind.CONSUMER)
        )
    (line,) = told
    assert line == {
        "event": event,
        "log_level": level,
        "job_id": claim.job_id,
        "subreddit": "python",
        **about,
    }


@pytest.mark.parametrize(
    ("error", "reason", "seconds"),
    [
        (crawl_failures.SlotTooLate("full", resume_in=60), WaitReason.RATE_LIMIT, 60),
        (crawl_failures.SlotTooLate("full", resume_in=0), WaitReason.RATE_LIMIT, 0),
        (
            crawl_failures.SlotTooLate("full", resume_in=-3),
            WaitReason.RATE_LIMIT,
            0,
        ),  # a negative wait counts as none
        (crawl_failures.TooSoon("be polite", resume_in=40.5), WaitReason.POLITENESS, 40.5),
        (crawl_failures.Outage("away", resume_in=30), WaitReason.OUTAGE, 30),
        (errors.DatabaseUnavailable("away"), WaitReason.OUTAGE, 5),
    ],
)
def test_what_is_no_fault_of_the_job_defers_it(
    conn: Connection, error: Exception, reason: WaitReason, seconds: float
) -> None:
    end = stopped_crawl.completion_after(error, jobs.crawling(conn), RetryPolicy())
    assert (end.verb, end.wait_reason) == (Transition.DEFER, reason)
    assert end.delay == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("error", "retries", "verb"),
    [
        (crawl_failures.Interrupted("told to stop"), 3, Transition.RELEASE),
        (crawl_failures.UpstreamTrouble("503"), 0, Transition.SCHEDULE_RETRY),
        (crawl_failures.UpstreamTrouble("503"), 3, Transition.FAIL),
        (crawl_failures.BadRequest("400"), 0, Transition.FAIL),
        (ZeroDivisionError("a bug"), 0, Transition.SCHEDULE_RETRY),
        (ZeroDivisionError("a bug"), 3, Transition.FAIL),
    ],
)
def test_any_other_error_is_retried_or_fails(
    conn: Connection, error: Exception, retries: int, verb: Transition
) -> None:
    claim = jobs.crawling(conn, max_retries=3)._replace(retry_count=retries)
    end = stopped_crawl.completion_after(error, claim, RetryPolicy())
    assert end.verb is verb
    if verb is not Transition.RELEASE:
        assert end.error_message is not None
        assert end.error_message.startswith(f"{type(error).__name__}: ")
