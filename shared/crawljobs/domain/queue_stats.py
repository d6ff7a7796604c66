"""Statistics of the queue for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crawljobs.domain.job import JobStatus


@dataclass(frozen=True)
class RecentJobs:
    """Statistics of a sample of jobs: the newest of the jobs that finished in the last hour.

    `sampled` is the number of jobs in the sample. A rate or a wait is None if it cannot be computed
    from the sample.
    """

    sampled: int
    since: datetime | None  # when the oldest job of the sample finished
    observed_seconds: float  # the time span to which `finished_per_minute` applies
    finished_per_minute: float
    failure_rate: float | None  # the share of failed jobs among failed and succeeded jobs
    retry_success_rate: float | None  # the share of the retried jobs that succeeded
    wait_seconds_p50: float | None  # the median of the times that claimable jobs waited for a claim
    # the 95th percentile of the times that claimable jobs waited for a claim
    wait_seconds_p95: float | None


@dataclass(frozen=True)
class JobCounts:
    by_status: dict[JobStatus, int]
    # States that may have more jobs than `by_status` shows, because counting stopped at a limit.
    capped: frozenset[JobStatus]
    queued_by_priority: dict[int, int]


@dataclass(frozen=True)
class QueueStats:
    """Jobs by state, the wait of the oldest claimable job, and recent results."""

    by_status: dict[JobStatus, int]
    # States that may have more jobs than `by_status` shows, because counting stopped at a limit.
    capped: frozenset[JobStatus]
    queued_by_priority: dict[int, int]
    oldest_queued_at: datetime | None
    oldest_queued_seconds: float | None
    paused: bool  # whether the whole queue is paused
    paused_subreddits: int
    recent: RecentJobs
