"""Counts what became of claims, after it was committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crawljobs import metrics
from crawljobs.domain.job import AttemptOutcome, Claim, Enqueued, JobSource, JobStatus
from crawljobs.repository.job_maintenance import Rescued

# Only crawls that came to an end by themselves tell how long a crawl takes.
_WHOLE = (AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED)


def claimed(claims: Iterable[Claim], *, seconds: float) -> None:
    metrics.claim_duration.observe(seconds)
    for claim in claims:
        waited = (claim.claimed_at - claim.claimable_at).total_seconds()
        metrics.job_wait.observe(max(0.0, waited))


def ended(claim: Claim, outcome: AttemptOutcome, *, is_retried: bool, seconds: float) -> None:
    metrics.job_attempts.labels(outcome).inc()
    if outcome in _WHOLE:
        metrics.job_duration.observe(seconds)
    if is_retried:
        metrics.job_retries.inc()
    elif outcome is AttemptOutcome.FAILED:
        metrics.jobs_finished.labels(JobStatus.FAILED).inc()
    elif outcome is AttemptOutcome.SUCCEEDED:
        metrics.jobs_finished.labels(JobStatus.SUCCEEDED).inc()
        metrics.job_retries_succeeded.inc(claim.retry_count > 0)


def fenced() -> None:
    metrics.job_attempts.labels(metrics.FENCED).inc()


def rescued(jobs: Sequence[Rescued]) -> None:
    metrics.job_attempts.labels(AttemptOutcome.LEASE_EXPIRED).inc(len(jobs))
    failed = sum(job.status is JobStatus.FAILED for job in jobs)
    metrics.jobs_finished.labels(JobStatus.FAILED).inc(failed)
    metrics.job_retries.inc(len(jobs) - failed)


def enqueued(source: JobSource, results: Iterable[Enqueued]) -> None:
    for one in results:
        metrics.jobs_enqueued.labels(source, one.result).inc()
