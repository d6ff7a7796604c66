"""The error that stopped a crawl decides how its claim ends and which line is logged."""

from datetime import timedelta
from typing import Any

import pytest
import structlog

from crawler_worker.claims import stopped_crawl
from crawler_worker.reddit import crawl_failures
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import ErrorKind, WaitReason
from crawljobs.domain.retry import RetryPolicy
from crawljobs.domain.transitions import Transition
from crawljobs.errors import DatabaseUnavailable
from crawljobs.runtime import tracing
from support.claims import CLAIM
from support.jobs import EACH_END

POLICY = RetryPolicy(base_seconds=60, max_hours=24, jitter=0.0)


class Permanent(crawl_failures.CrawlFailure):
    kind = ErrorKind.PERMANENT


def claim(retry_count: int = 0, max_retries: int = 3) -> Claim:
    return CLAIM._replace(job_id=7, retry_count=retry_count, max_retries=max_retries)


def stopped(error: Exception, **about: int) -> dict[str, Any]:
    end = stopped_crawl.completion_after(error, claim(**about), POLICY)
    return {
        "verb": end.verb,
        "delay": None if end.delay is None else end.delay.total_seconds(),
        "reason": end.wait_reason,
        "kind": end.error_kind,
        "message": end.error_message,
    }


def test_an_interrupted_crawl_is_released() -> None:
    assert stopped(crawl_failures.Interrupted("stop"))["verb"] is Transition.RELEASE


def test_an_outage_of_the_database_defers_for_five_seconds() -> None:
    assert stopped(DatabaseUnavailable("down")) == {
        "verb": Transition.DEFER,
        "delay": 5.0,
        "reason": WaitReason.OUTAGE,
        "kind": ErrorKind.DEFERRED,
        "message": "down",
    }


@pytest.mark.parametrize(("resume_in", "delay"), [(9.0, 9.0), (0.0, 0.0), (-3.0, 0.0)])
def test_a_limit_defers_until_it_is_over(resume_in: float, delay: float) -> None:
    found = stopped(crawl_failures.Throttled("slow", retry_after=None, resume_in=resume_in))
    assert (found["verb"], found["delay"]) == (Transition.DEFER, delay)
    assert (found["reason"], found["message"]) == (WaitReason.RATE_LIMIT, "slow")


@pytest.mark.parametrize(
    ("retry_count", "max_retries", "verb", "delay"),
    [
        (0, 3, Transition.SCHEDULE_RETRY, 60.0),
        (2, 3, Transition.SCHEDULE_RETRY, 240.0),
        (3, 3, Transition.FAIL, None),
        (0, 0, Transition.FAIL, None),
    ],
)
def test_an_unknown_error_is_retried_while_retries_are_left(
    retry_count: int, max_retries: int, verb: Transition, delay: float | None
) -> None:
    found = stopped(ZeroDivisionError("odd"), retry_count=retry_count, max_retries=max_retries)
    assert (found["verb"], found["delay"]) == (verb, delay)
    assert (found["kind"], found["message"]) == (ErrorKind.RETRYABLE, "ZeroDivisionError: odd")


def test_a_permanent_error_is_not_retried() -> None:
    found = stopped(Permanent("no"))
    assert (found["verb"], found["kind"]) == (Transition.FAIL, ErrorKind.PERMANENT)
    assert found["message"] == "Permanent: no"


@pytest.mark.parametrize(
    ("detail", "message"), [("", "UpstreamTrouble: 503"), ("reset", "UpstreamTrouble: 503: reset")]
)
def test_the_message_of_a_failure_of_reddit_ends_with_its_detail(detail: str, message: str) -> None:
    found = stopped(crawl_failures.UpstreamTrouble("503", detail=detail))
    assert (found["kind"], found["message"]) == (ErrorKind.RETRYABLE, message)


LINES = {
    "complete": ("info", "job.completed", {"outcome": "crawled"}),
    "release": ("info", "job.released", {}),
    "defer": (
        "info",
        "job.deferred",
        {"wait_reason": "rate_limit", "in_seconds": 9.0, "error_kind": "deferred",
         "error": "later"},
    ),
    "schedule_retry": (
        "warning",
        "job.retry_scheduled",
        {"in_seconds": 60.0, "error_kind": "retryable", "error": "503"},
    ),
    "fail": ("warning", "job.failed", {"error_kind": "permanent", "error": "no"}),
}  # fmt: skip


@pytest.mark.parametrize("how", EACH_END)
def test_each_end_is_one_line_with_what_it_has(how: str) -> None:
    level, event, values = LINES[how]
    span = tracing.begin("crawl", tracing.Kind.CONSUMER)
    with structlog.testing.capture_logs() as logged:
        stopped_crawl.log_completion(EACH_END[how](claim()), span)
    (line,) = logged
    line.pop("wait_reason") if line.get("wait_reason") == "retry" else None
    assert line == {
        "event": event,
        "log_level": level,
        "job_id": 7,
        "subreddit": "python",
        **values,
    }


def test_a_delay_is_the_whole_time() -> None:
    end = completion.deferred(
        claim(), delay=timedelta(minutes=2), reason=WaitReason.OUTAGE, message="x"
    )
    with structlog.testing.capture_logs() as logged:
        stopped_crawl.log_completion(end, tracing.begin("crawl", tracing.Kind.CONSUMER))
    assert logged[0]["in_seconds"] == 120.0
