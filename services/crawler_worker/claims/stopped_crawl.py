"""Chooses the completion of a claim whose crawl raised an error, and logs completions."""

from __future__ import annotations

import logging
from datetime import timedelta

from crawler_worker.reddit import crawl_failures
from crawljobs import errors
from crawljobs.domain import completion, retry
from crawljobs.domain.claim import Claim
from crawljobs.domain.completion import Completion
from crawljobs.domain.job import ErrorKind, WaitReason
from crawljobs.domain.transitions import Transition
from crawljobs.runtime import exception_text, jitter, logs, tracing

log = logs.get_logger(__name__)

DATABASE_OUTAGE_SECONDS = 5.0  # how long a job waits if its crawl could not reach Postgres


def completion_after(error: Exception, claim: Claim, policy: retry.RetryPolicy) -> Completion:
    """Return the completion for this error: a release, a deferral, a retry or a failure.

    An error of an unknown class leads to a retry.
    """
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


_LOG_LINES = {
    Transition.COMPLETE: (logging.INFO, "job.completed"),
    Transition.RELEASE: (logging.INFO, "job.released"),
    Transition.DEFER: (logging.INFO, "job.deferred"),
    Transition.SCHEDULE_RETRY: (logging.WARNING, "job.retry_scheduled"),
    # The error is permanent, or all retries are used up.
    Transition.FAIL: (logging.WARNING, "job.failed"),
}


def log_completion(done: Completion, span: tracing.Span) -> None:
    """Log a committed completion, within the trace span of its crawl."""
    level, event = _LOG_LINES[done.verb]
    if not logs.are_written(level):
        return
    fields = {
        "job_id": done.claim.job_id,
        "subreddit": done.claim.subreddit,
        "outcome": done.outcome,
        "wait_reason": done.wait_reason,
        "in_seconds": None if done.delay is None else done.delay.total_seconds(),
        "error_kind": done.error_kind,
        "error": done.error_message,
    }
    with tracing.within(span):
        log.log(level, event, **{key: value for key, value in fields.items() if value is not None})
