"""A crawl continues the trace of whoever asked for it, from the claim on."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

from crawler_worker.claims.held_claim import HeldClaim
from crawljobs.domain import trace_context
from crawljobs.runtime import tracing

LOST = "lost"  # the outcome of a claim that somebody else ended


def begin(held: HeldClaim) -> tracing.Span:
    """The crawl's span, below one for its claim, which many jobs may share; see ended."""
    claim = held.claim
    if not tracing.is_recording():
        parent = trace_context.parse(claim.traceparent)
        return tracing.begin("crawl", tracing.Kind.CONSUMER, parent=parent)
    about: tracing.Attributes = {
        "crawljobs.job.id": claim.job_id,
        "crawljobs.subreddit": claim.subreddit,
        "crawljobs.source": claim.source,
        "crawljobs.priority": claim.priority,
        "crawljobs.retry_count": claim.retry_count,
    }
    claimed = tracing.begin(
        "claim",
        tracing.Kind.CONSUMER,
        parent=trace_context.parse(claim.traceparent),
        attributes=about,
        seconds_ago=time.monotonic() - held.asked_at,
    )
    claimed.end()
    return tracing.begin("crawl", tracing.Kind.CONSUMER, under=claimed, attributes=about)


def given_back(held: HeldClaim) -> AbstractContextManager[tracing.Span]:
    """For the end of a claim whose crawl did not come to its own."""
    parent = trace_context.parse(held.claim.traceparent)
    return tracing.span("release", tracing.Kind.CONSUMER, parent=parent)


def ended(span: tracing.Span, outcome: str) -> None:
    span.tell({"crawljobs.outcome": outcome})
    span.end()
