"""Metrics of claims. Call each function after the commit of the change that the function counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.claim import Claim
from crawljobs.domain.completion import ATTEMPTS, Completion
from crawljobs.domain.job import Enqueued, JobSource, JobStatus
from crawljobs.domain.missing_part import MissingPart
from crawljobs.domain.transitions import Transition
from crawljobs.repository.queue.maintenance.job_maintenance import Rescued
from crawljobs.runtime import metrics

# The labelled counters are created once, because a call of labels() costs as much as inc().
_ATTEMPTS = {outcome: metrics.job_attempts.labels(outcome) for outcome in AttemptOutcome}
_FINISHED = {status: metrics.jobs_finished.labels(status) for status in metrics.FINISHED}

# The duration of an attempt is observed only for these outcomes. Released and deferred crawls were
# interrupted, so they have no useful duration.
_FINISHED_ATTEMPTS = (AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED)


def claimed(claims: Iterable[Claim], *, seconds: float) -> None:
    """Observe the duration of the claim statement (`seconds`), and the wait of each claimed job."""
    metrics.claim_duration.observe(seconds)
    for claim in claims:
        waited = (claim.claimed_at - claim.claimable_at).total_seconds()
        metrics.job_wait.observe(max(0.0, waited))


def completed(completions: Sequence[tuple[Completion, float]]) -> None:
    """Count the completions of one transaction.

    Each completion is paired with the seconds since its job was claimed.
    """
    for completion, seconds in completions:
        if completion.attempt in _FINISHED_ATTEMPTS:
            metrics.job_duration.observe(seconds)
    by_verb = Counter([completion.verb for completion, _ in completions])
    for verb, number in by_verb.items():
        _ATTEMPTS[ATTEMPTS[verb]].inc(number)
    metrics.job_retries.inc(by_verb[Transition.SCHEDULE_RETRY])
    _FINISHED[JobStatus.FAILED].inc(by_verb[Transition.FAIL])
    _FINISHED[JobStatus.SUCCEEDED].inc(by_verb[Transition.COMPLETE])
    retried = [
        completion.verb is Transition.COMPLETE and completion.claim.retry_count > 0
        for completion, _ in completions
    ]
    metrics.job_retries_succeeded.inc(sum(retried))


def given_up(part: MissingPart) -> None:
    """Count a part (an optional request) that the crawl gave up."""
    metrics.crawl_parts_given_up.labels(part.kind, part.reason).inc()


def fenced() -> None:
    """Count a claim that its worker has lost: another worker may hold the job."""
    metrics.job_attempts.labels(metrics.FENCED).inc()


def rescued(jobs: Sequence[Rescued]) -> None:
    """Count the jobs that one transaction took from dead or stuck workers."""
    metrics.job_attempts.labels(AttemptOutcome.LEASE_EXPIRED).inc(len(jobs))
    failed = sum(job.status is JobStatus.FAILED for job in jobs)
    metrics.jobs_finished.labels(JobStatus.FAILED).inc(failed)
    metrics.job_retries.inc(len(jobs) - failed)


def enqueued(source: JobSource, results: Iterable[Enqueued]) -> None:
    """Count the results of the enqueue requests that a worker made."""
    for enqueue in results:
        metrics.jobs_enqueued.labels(source, enqueue.result).inc()
