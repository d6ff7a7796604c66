"""How a crawl that stopped ends its claim."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

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
    """The transaction that ends a claim, and what it counts as."""

    outcome: AttemptOutcome
    write: Callable[[Connection], None]
    is_retried: bool = False


def completed(claim: Claim, outcome: str) -> End:
    """The crawl came to its end; `outcome` is `crawled` or the access state it met."""

    def end(conn: Connection) -> None:
        claims.complete(conn, claim=claim, outcome=outcome)
        log.info("job.completed", job_id=claim.job_id, subreddit=claim.subreddit, outcome=outcome)

    return End(AttemptOutcome.SUCCEEDED, end)


def released(claim: Claim) -> End:
    def end(conn: Connection) -> None:
        claims.release(conn, claim=claim)
        log.info("job.released", job_id=claim.job_id, subreddit=claim.subreddit)

    return End(AttemptOutcome.RELEASED, end)


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
    decision = retry.after_failure(
        kind=kind,
        retry_count=claim.retry_count,
        max_retries=claim.max_retries,
        policy=policy,
        uniform=random.uniform,
    )

    def end(conn: Connection) -> None:
        about = {"job_id": claim.job_id, "subreddit": claim.subreddit, "error": message}
        if isinstance(decision, retry.Fail):
            claims.fail(conn, claim=claim, kind=kind, message=message)
            log.warning("job.failed", reason=decision.reason, **about)
            return
        claims.schedule_retry(conn, claim=claim, delay=decision.delay, kind=kind, message=message)
        log.warning("job.retry_scheduled", in_seconds=decision.delay.total_seconds(), **about)

    return End(AttemptOutcome.FAILED, end, is_retried=not isinstance(decision, retry.Fail))


def _deferred(claim: Claim, reason: WaitReason, seconds: float, message: str) -> End:
    def end(conn: Connection) -> None:
        claims.defer(
            conn,
            claim=claim,
            delay=timedelta(seconds=max(0.0, seconds)),
            reason=reason,
            message=message,
        )
        log.info(
            "job.deferred",
            job_id=claim.job_id,
            subreddit=claim.subreddit,
            wait_reason=reason,
            in_seconds=seconds,
        )

    return End(AttemptOutcome.DEFERRED, end)


def write(database: Database, held: HeldClaim, end: End, *, give_up: Callable[[], bool]) -> bool:
    """Write the end, through an outage of the database too; whether written.

    The claim's token fences it, however late it comes: if the job was rescued meanwhile nothing
    changes. Whoever gives up leaves the job to be rescued.
    """
    pause = 0.05
    while not held.is_lost() and not give_up():
        try:
            database.run(end.write)
            seconds = time.monotonic() - held.asked_at
            counting.ended(held.claim, end.outcome, is_retried=end.is_retried, seconds=seconds)
            return True
        except errors.ClaimLost:
            held.lose()
        except errors.DatabaseUnavailable as error:
            log.warning("job.end_postponed", job_id=held.claim.job_id, reason=str(error))
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter
            pause = min(2 * pause, PAUSE_MAX_SECONDS)
    log.warning("claim.lost" if held.is_lost() else "job.end_given_up", job_id=held.claim.job_id)
    return False
