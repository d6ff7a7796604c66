"""How a crawl that stopped ends its claim, and what is told of it."""

from __future__ import annotations

import logging
from datetime import timedelta

from crawler_worker.reddit import crawl_failures
from crawljobs import errors
from crawljobs.domain import completion, retry
from crawljobs.domain.completion import Completion
from crawljobs.domain.job import Claim, ErrorKind, Transition, WaitReason
from crawljobs.runtime import exception_text, jitter, logs, tracing

log = logs.get_logger(__name__)

DATABASE_OUTAGE_SECONDS = 5.0  # a job that met an outage of Postgres waits this long


def stopped_by(error: Exception, claim: Claim, policy: retry.RetryPolicy) -> Completion:
    """Defer, schedule_retry or fail, as the kind of the error says; unknown errors are retried."""
    if isinstance(error, crawl_failures.Interrupted):
        return completion.released(claim)
    if isinstance(error, crawl_failures.Deferred):
        return _deferred(claim, error.reason, error.resume_in, str(error))
    if isinstance(error, errors.DatabaseUnavailable):
        return _deferred(claim, WaitReason.OUTAGE, DATABASE_OUTAGE_SECONDS, str(error))
    kind = error.kind if isinstance(error, crawl_failures.CrawlFailure) else ErrorKind.RETRYABLE
    message = f"{type(error).__name__}: {exception_text.text_of(error)}"
    if isinstance(error, crawl_failures.UpstreamTrouble) and error.detail:
        message = f"{message}: {error.detail}"
    decision = retry.after_failure(
        kind=kind,
        retry_count=claim.retry_count,
        max_retries=claim.max_retries,
        policy=policy,
        uniform=jitter.uniform,
    )
    if isinstance(decision, retry.Fail):
        return completion.failed(claim, kind=kind, message=message)
    return completion.retried(claim, delay=decision.delay, kind=kind, message=message)


def _deferred(claim: Claim, reason: WaitReason, seconds: float, message: str) -> Completion:
    delay = timedelta(seconds=max(0.0, seconds))
    return completion.deferred(claim, delay=delay, reason=reason, message=message)


_TOLD = {
    Transition.COMPLETE: (logging.INFO, "job.completed"),
    Transition.RELEASE: (logging.INFO, "job.released"),
    Transition.DEFER: (logging.INFO, "job.deferred"),
    Transition.SCHEDULE_RETRY: (logging.WARNING, "job.retry_scheduled"),
    # A permanent error, or all retries are used up.
    Transition.FAIL: (logging.WARNING, "job.failed"),
}


def tell(end: Completion, span: tracing.Span) -> None:
    """A line of the log, once the end has committed."""
    level, event = _TOLD[end.verb]
    if not logs.are_written(level):
        return
    about = {
        "job_id": end.claim.job_id,
        "subreddit": end.claim.subreddit,
        "outcome": end.outcome,
        "wait_reason": end.wait_reason,
        "in_seconds": None if end.delay is None else end.delay.total_seconds(),
        "error_kind": end.error_kind,
        "error": end.error_message,
    }
    with tracing.within(span):
        log.log(level, event, **{key: value for key, value in about.items() if value is not None})
