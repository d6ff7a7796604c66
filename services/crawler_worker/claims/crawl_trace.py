"""Creates the trace spans of a claim and of its crawl.

The spans belong to the trace of the request that enqueued the job.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

from crawler_worker.claims.held_claim import HeldClaim
from crawljobs.domain import trace_context
from crawljobs.runtime import tracing

LOST = "lost"  # recorded as `outcome` if this worker did not write the claim's completion


def begin(held: HeldClaim) -> tracing.Span:
    """Start the crawl's span as a child of the claim's span. `finish` ends the crawl's span.

    One claim statement may claim many jobs, but each job has its own claim span.
    """
    claim = held.claim
    if not tracing.is_recording():
        parent = trace_context.parse(claim.traceparent)
        return tracing.begin("crawl", tracing.Kind.CONSUMER, parent=parent)
    attributes: tracing.Attributes = {
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
        attributes=attributes,
        seconds_ago=time.monotonic() - held.requested_at,
    )
    claimed.end()
    return tracing.begin("crawl", tracing.Kind.CONSUMER, under=claimed, attributes=attributes)


def release_span(held: HeldClaim) -> AbstractContextManager[tracing.Span]:
    """Return a span for the release of a claim at shutdown.

    The span is not a child of the crawl's span, because the crawl may still run.
    """
    parent = trace_context.parse(held.claim.traceparent)
    return tracing.span("release", tracing.Kind.CONSUMER, parent=parent)


def finish(span: tracing.Span, outcome: str) -> None:
    """Record in the crawl's span how the claim ended (`outcome`), and end the span."""
    span.set_attributes({"crawljobs.outcome": outcome})
    span.end()
