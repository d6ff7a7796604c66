"""The queue in numbers, as operators see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crawljobs.domain.job import JobStatus


@dataclass(frozen=True)
class RecentJobs:
    """The newest finished jobs of the last hour: all of them, or the newest `sampled`.

    Shares and percentiles are None when there is nothing they could be taken of.
    """

    sampled: int
    since: datetime | None  # when the oldest of the sample ended
    finished_per_minute: float
    failure_rate: float | None  # of those that succeeded or failed
    retry_success_rate: float | None  # of those that were tried again
    wait_seconds_p50: float | None  # from claimable to claimed
    wait_seconds_p95: float | None


@dataclass(frozen=True)
class JobCounts:
    by_status: dict[JobStatus, int]
    # States of which there are more: counting stopped there.
    capped: frozenset[JobStatus]
    queued_by_priority: dict[int, int]


@dataclass(frozen=True)
class QueueStats:
    """Jobs by state, how long the oldest claimable one has waited, and how crawls went lately."""

    by_status: dict[JobStatus, int]
    # States of which there are more: counting stopped there.
    capped: frozenset[JobStatus]
    queued_by_priority: dict[int, int]
    oldest_queued_at: datetime | None
    oldest_queued_seconds: float | None
    paused: bool  # everything
    paused_subreddits: int
    recent: RecentJobs
