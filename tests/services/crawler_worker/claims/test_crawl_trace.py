"""A claim and its crawl each have a span. A claim that was given back has a span too."""

import os
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from crawler_worker.claims import crawl_trace
from crawler_worker.claims.claim_runner import ClaimRunner
from crawler_worker.claims.completion_writer import CompletionWriter
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.lease_keeper import LeaseKeeper
from crawler_worker.reddit import crawl_failures
from crawljobs import settings
from crawljobs.domain import trace_context
from crawljobs.domain.retry import RetryPolicy
from crawljobs.runtime import tracing
from support import collector
from support.claims import CLAIM
from support.waiting import wait_until

CALLER = trace_context.new()
ABOUT = {
    "crawljobs.job.id": 7,
    "crawljobs.subreddit": "python",
    "crawljobs.source": "user",
    "crawljobs.priority": 50,
    "crawljobs.retry_count": 2,
}


def held(*, seconds_ago: float = 0.0, traceparent: str | None = str(CALLER)) -> HeldClaim:
    claim = CLAIM._replace(job_id=7, retry_count=2, traceparent=traceparent)
    return HeldClaim(claim, requested_at=time.monotonic() - seconds_ago, lease_seconds=60)


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[collector.Collector]:
    """Yield a collector that receives the spans of this process."""
    with collector.serve() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")  # milliseconds
        tracing.start("test", "test-1", settings.read_tracing_settings(os.environ))
        try:
            yield running
        finally:
            tracing.stop()


def arrived(received: collector.Collector, *names: str) -> list[collector.Received]:
    def of_trace() -> dict[str, collector.Received]:
        return received.of_trace(CALLER.trace_id)

    wait_until(lambda: of_trace().keys() >= {*names}, timeout=20, describe=lambda: str(of_trace()))
    return [of_trace()[name] for name in names]


def test_a_claim_and_its_crawl_are_told_with_the_job_and_the_outcome(
    received: collector.Collector,
) -> None:
    span = crawl_trace.begin(held(seconds_ago=5))
    crawl_trace.finish(span, "succeeded")
    claimed, crawl = arrived(received, "claim", "crawl")
    assert (claimed.parent_id, crawl.parent_id) == (CALLER.span_id, claimed.span_id)
    # OpenTelemetry encodes the span kind "consumer" as 5.
    assert (claimed.kind, crawl.kind) == (5, 5)
    assert claimed.attributes == ABOUT
    assert crawl.attributes == {**ABOUT, "crawljobs.outcome": "succeeded"}
    assert 5 <= claimed.seconds < 60
    assert crawl.seconds < 5


def test_a_claim_that_is_given_back_continues_the_trace_too(
    received: collector.Collector,
) -> None:
    with crawl_trace.release_span(held()):
        pass
    (release,) = arrived(received, "release")
    assert (release.parent_id, release.kind) == (CALLER.span_id, 5)


def test_without_a_collector_the_crawl_is_in_the_trace_of_its_caller() -> None:
    span = crawl_trace.begin(held())
    assert span.context.trace_id == CALLER.trace_id
    crawl_trace.finish(span, crawl_trace.LOST)
    assert crawl_trace.begin(held(traceparent=None)).context.trace_id != CALLER.trace_id


class Writer:
    """Stands for the completion writer: it reports each completion as written."""

    def submit(self, _: HeldClaim, done: Any, on_result: Any) -> None:
        on_result(done, True)


@pytest.mark.parametrize(
    ("error", "outcome", "failed_with"),
    [
        (crawl_failures.UpstreamTrouble("503"), "failed", "UpstreamTrouble"),
        (ZeroDivisionError("a bug"), "failed", "ZeroDivisionError"),
        (crawl_failures.Interrupted("stop"), "released", None),
    ],
)
def test_a_crawl_with_a_failed_attempt_is_a_failed_span(
    received: collector.Collector, error: Exception, outcome: str, failed_with: str | None
) -> None:
    def crawl(_: HeldClaim) -> str:
        raise error

    keeper = LeaseKeeper(
        "postgresql://127.0.0.1:1/none", worker="w", lease_seconds=60, on_work=lambda: None
    )
    ClaimRunner(
        crawl,
        writer=cast(CompletionWriter, Writer()),
        keeper=keeper,
        retry=RetryPolicy(),
        stopping=threading.Event(),
    ).run(held())
    (span,) = arrived(received, "crawl")
    assert span.failed is (failed_with is not None)
    assert span.attributes.get("error.type") == failed_with
    assert span.attributes["crawljobs.outcome"] == outcome
