"""How a crawl that stopped ends its claim, and what is told of it."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from crawler_worker.reddit import failures
from crawljobs import errors, logs
from crawljobs.domain import ends, retry
from crawljobs.domain.ends import End
from crawljobs.domain.job import Claim, ErrorKind, Transition, WaitReason

log = logs.get_logger(__name__)

DATABASE_OUTAGE_SECONDS = 5.0  # a job that met an outage of Postgres waits this long


def stopped_by(error: Exception, claim: Claim, policy: retry.RetryPolicy) -> End:
    """Defer, schedule_retry or fail, as the kind of the error says; unknown errors are retried."""
    if isinstance(error, failures.Interrupted):
        return ends.released(claim)
    if isinstance(error, failures.Deferred):
        return _deferred(claim, error.reason, error.resume_in, str(error))
    if isinstance(error, errors.DatabaseUnavailable):
        return _deferred(claim, WaitReason.OUTAGE, DATABASE_OUTAGE_SECONDS, str(error))
    kind = error.kind if isinstance(error, failures.CrawlFailure) else ErrorKind.RETRYABLE
    message = f"{type(error).__name__}: {error}"
    decision = retry.after_failure(
        kind=kind,
        retry_count=claim.retry_count,
        max_retries=claim.max_retries,
        policy=policy,
        uniform=random.uniform,
    )
    if isinstance(decision, retry.Fail):
        return ends.failed(claim, kind=kind, message=message)
    return ends.retried(claim, delay=decision.delay, kind=kind, message=message)


def _deferred(claim: Claim, reason: WaitReason, seconds: float, message: str) -> End:
    delay = timedelta(seconds=max(0.0, seconds))
    return ends.deferred(claim, delay=delay, reason=reason, message=message)


def tell(end: End) -> None:
    """A line of the log, once the end has committed."""
    about: dict[str, Any] = {"job_id": end.claim.job_id, "subreddit": end.claim.subreddit}
    if end.delay is not None:
        about["in_seconds"] = end.delay.total_seconds()
    match end.verb:
        case Transition.COMPLETE:
            log.info("job.completed", outcome=end.outcome, **about)
        case Transition.RELEASE:
            log.info("job.released", **about)
        case Transition.DEFER:
            log.info("job.deferred", wait_reason=end.wait_reason, **about)
        case Transition.SCHEDULE_RETRY:
            log.warning("job.retry_scheduled", error=end.error_message, **about)
        case _:
            # A permanent error, or all retries are used up.
            log.warning("job.failed", error_kind=end.error_kind, error=end.error_message, **about)
