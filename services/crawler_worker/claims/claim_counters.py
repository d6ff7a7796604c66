"""Counts what became of claims, after it was committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from crawljobs.domain.completion import ATTEMPTS, Completion
from crawljobs.domain.job import AttemptOutcome, Claim, Enqueued, JobSource, JobStatus, Transition
from crawljobs.domain.missing_part import MissingPart
from crawljobs.repository.queue.maintenance.job_maintenance import Rescued
from crawljobs.runtime import metrics

# Looked up once: a label costs as much as counting does.
_ATTEMPTS = {outcome: metrics.job_attempts.labels(outcome) for outcome in AttemptOutcome}
_FINISHED = {status: metrics.jobs_finished.labels(status) for status in metrics.FINISHED}

# Only crawls that came to an end by themselves tell how long a crawl takes.
_WHOLE = (AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED)


def claimed(claims: Iterable[Claim], *, seconds: float) -> None:
    metrics.claim_duration.observe(seconds)
    for claim in claims:
        waited = (claim.claimed_at - claim.claimable_at).total_seconds()
        metrics.job_wait.observe(max(0.0, waited))


def ended(ends: Sequence[tuple[Completion, float]]) -> None:
    """Those of one transaction, each with the seconds since its claim."""
    for end, seconds in ends:
        if end.attempt in _WHOLE:
            metrics.job_duration.observe(seconds)
    by_verb = Counter([end.verb for end, _ in ends])
    for verb, number in by_verb.items():
        _ATTEMPTS[ATTEMPTS[verb]].inc(number)
    metrics.job_retries.inc(by_verb[Transition.SCHEDULE_RETRY])
    _FINISHED[JobStatus.FAILED].inc(by_verb[Transition.FAIL])
    _FINISHED[JobStatus.SUCCEEDED].inc(by_verb[Transition.COMPLETE])
    retried = [end.verb is Transition.COMPLETE and end.claim.retry_count > 0 for end, _ in ends]
    metrics.job_retries_succeeded.inc(sum(retried))


def given_up(part: MissingPart) -> None:
    metrics.crawl_parts_given_up.labels(part.kind, part.reason).inc()


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
