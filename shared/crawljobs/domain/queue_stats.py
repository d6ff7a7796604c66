"""Statistics of the queue for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crawljobs.domain.job import JobStatus


@dataclass(frozen=True)
class RecentJobs:
    """Statistics of the jobs that finished in the last hour, or of the newest `sampled` of them.

    Rates and percentiles are None when no job qualifies.
    """

    sampled: int
    since: datetime | None  # when the oldest job of the sample finished
    finished_per_minute: float
    failure_rate: float | None  # share of the jobs that succeeded or failed
    retry_success_rate: float | None  # share of the jobs that were retried
    wait_seconds_p50: float | None  # from claimable to claimed
    wait_seconds_p95: float | None


@dataclass(frozen=True)
class JobCounts:
    by_status: dict[JobStatus, int]
    # States whose count is a lower bound: counting stopped at a limit.
    capped: frozenset[JobStatus]
    queued_by_priority: dict[int, int]


@dataclass(frozen=True)
class QueueStats:
    """Jobs by state, the wait of the oldest claimable job, and recent results."""

    by_status: dict[JobStatus, int]
    # States whose count is a lower bound: counting stopped at a limit.
    capped: frozenset[JobStatus]
    queued_by_priority: dict[int, int]
    oldest_queued_at: datetime | None
    oldest_queued_seconds: float | None
    paused: bool  # the whole queue
    paused_subreddits: int
    recent: RecentJobs
