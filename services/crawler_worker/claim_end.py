"""How a crawl that stopped ends its claim."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from crawler_worker import counting
from crawler_worker.held_claim import HeldClaim
from crawler_worker.reddit import failures
from crawljobs import errors, logs
from crawljobs.db.database import Connection, Database
from crawljobs.domain import retry
from crawljobs.domain.job import AttemptOutcome, Claim, ErrorKind, WaitReason
from crawljobs.repository import claims

log = logs.get_logger(__name__)

DATABASE_OUTAGE_SECONDS = 5.0  # a job that met an outage of Postgres waits this long
PAUSE_MAX_SECONDS = 1.0  # between tries to write the end to a database that is away


@dataclass(frozen=True)
class End:
    """The transaction that ends a claim, what it counts as, and what is told once it committed."""

    outcome: AttemptOutcome
    write: Callable[[Connection], None]
    tell: Callable[[], object]
    is_retried: bool = False


def completed(claim: Claim, outcome: str) -> End:
    """The crawl came to its end; `outcome` is `crawled` or the access state it met."""
    return End(
        AttemptOutcome.SUCCEEDED,
        lambda conn: claims.complete(conn, claim=claim, outcome=outcome),
        lambda: log.info("job.completed", outcome=outcome, **_about(claim)),
    )


def released(claim: Claim) -> End:
    return End(
        AttemptOutcome.RELEASED,
        lambda conn: claims.release(conn, claim=claim),
        lambda: log.info("job.released", **_about(claim)),
    )


def stopped_by(error: Exception, claim: Claim, policy: retry.RetryPolicy) -> End:
    """Defer, schedule_retry or fail, as the kind of the error says; unknown errors are retried."""
    if isinstance(error, failures.Interrupted):
        return released(claim)
    if isinstance(error, failures.Deferred):
        return _deferred(claim, error.reason, error.resume_in, str(error))
    if isinstance(error, errors.DatabaseUnavailable):
        return _deferred(claim, WaitReason.OUTAGE, DATABASE_OUTAGE_SECONDS, str(error))
    kind = error.kind if isinstance(error, failures.CrawlFailure) else ErrorKind.RETRYABLE
    message = f"{type(error).__name__}: {error}"
    about = {"error": message, **_about(claim)}
    decision = retry.after_failure(
        kind=kind,
        retry_count=claim.retry_count,
        max_retries=claim.max_retries,
        policy=policy,
        uniform=random.uniform,
    )
    if isinstance(decision, retry.Fail):
        reason = decision.reason
        return End(
            AttemptOutcome.FAILED,
            lambda conn: claims.fail(conn, claim=claim, kind=kind, message=message),
            lambda: log.warning("job.failed", reason=reason, **about),
        )
    delay = decision.delay
    return End(
        AttemptOutcome.FAILED,
        lambda conn: claims.schedule_retry(
            conn, claim=claim, delay=delay, kind=kind, message=message
        ),
        lambda: log.warning("job.retry_scheduled", in_seconds=delay.total_seconds(), **about),
        is_retried=True,
    )


def _deferred(claim: Claim, reason: WaitReason, seconds: float, message: str) -> End:
    delay = timedelta(seconds=max(0.0, seconds))
    return End(
        AttemptOutcome.DEFERRED,
        lambda conn: claims.defer(conn, claim=claim, delay=delay, reason=reason, message=message),
        lambda: log.info(
            "job.deferred", wait_reason=reason, in_seconds=delay.total_seconds(), **_about(claim)
        ),
    )


def _about(claim: Claim) -> dict[str, Any]:
    return {"job_id": claim.job_id, "subreddit": claim.subreddit}


def write(database: Database, held: HeldClaim, end: End, *, give_up: Callable[[], bool]) -> bool:
    """Write the end, through an outage of the database too; whether written.

    The claim's token fences it, however late it comes: if the job was rescued meanwhile nothing
    changes. Whoever gives up leaves the job to be rescued.
    """
    pause = 0.05
    is_unsure = False

    def work(conn: Connection) -> None:
        try:
            end.write(conn)
        except errors.ClaimLost:
            # The COMMIT whose reply was lost may have ended it.
            if not (is_unsure and claims.ended_as(conn, claim=held.claim) is end.outcome):
                raise

    while not held.is_lost() and not give_up():
        try:
            database.run(work)
            seconds = time.monotonic() - held.asked_at
            counting.ended(held.claim, end.outcome, is_retried=end.is_retried, seconds=seconds)
            end.tell()
            return True
        except errors.ClaimLost:
            held.lose()
        except errors.DatabaseUnavailable as error:
            is_unsure = True
            log.warning("job.end_postponed", job_id=held.claim.job_id, reason=str(error))
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter
            pause = min(2 * pause, PAUSE_MAX_SECONDS)
    log.warning("claim.lost" if held.is_lost() else "job.end_given_up", job_id=held.claim.job_id)
    return False
