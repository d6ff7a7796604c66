"""A crawl job, and the values that its columns can have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobStatus(StrEnum):
    WAITING = "waiting"
    QUEUED = "queued"
    CRAWLING = "crawling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WaitReason(StrEnum):
    """Why a waiting job cannot be claimed yet."""

    RETRY = "retry"
    RATE_LIMIT = "rate_limit"
    POLITENESS = "politeness"
    PAUSED = "paused"
    OUTAGE = "outage"
    LATER = "later"
    UNCLEAR = "unclear"  # Reddit gives no usable reply to a request that the crawl requires

    @classmethod
    def _missing_(cls, value: object) -> WaitReason | None:
        """Return a new member for an unknown text, which a later release may have stored."""
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_, unknown._value_ = value, value
        return unknown

    @property
    def stored(self) -> str:
        """The value of the column `wait_reason`.

        UNCLEAR is stored as `retry` with the error kind `deferred`, because the previous release
        does not know `unclear` (decision 100).
        """
        return WaitReason.RETRY.value if self == WaitReason.UNCLEAR else self.value

    @classmethod
    def of(cls, stored: str | None, error_kind: str | None) -> WaitReason | None:
        """Return the wait reason of a row. `retry` with the error kind `deferred` means UNCLEAR."""
        if stored is None:
            return None
        if stored == cls.RETRY and error_kind == ErrorKind.DEFERRED:
            return cls.UNCLEAR
        return cls(stored)


# Some causes of a wait can end at any time: a pause, the minimum time between two crawls, Reddit's
# limit or an outage. A job that waits for one of these causes is parked: after 60 s at most, a
# sweep checks the cause again. So a worker can claim the job within 65 s after the end of the
# cause: 60 s plus one sweep.
PARKED_MAX_SECONDS = 60
FREED_WITHIN_SECONDS = 65


class ErrorKind(StrEnum):
    """The kind of an error, which decides whether the job fails, is retried or is deferred."""

    PERMANENT = "permanent"
    RETRYABLE = "retryable"
    DEFERRED = "deferred"


class JobSource(StrEnum):
    """The origin of a request for a crawl."""

    USER = "user"
    SCHEDULE = "schedule"
    DISCOVERY = "discovery"
    STALE = "stale"


LIVE = frozenset({JobStatus.WAITING, JobStatus.QUEUED, JobStatus.CRAWLING})
FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})

# The states in which a job can have an error that explains its state.
SHOWS_ERROR = frozenset({JobStatus.FAILED, JobStatus.WAITING})


def is_current_error(status: JobStatus, wait_reason: WaitReason | None) -> bool:
    """Return whether the stored error explains the state.

    If not, the error belongs to an earlier attempt.
    """
    return status in SHOWS_ERROR and wait_reason is not WaitReason.PAUSED


PRIORITY_MIN, PRIORITY_MAX = 0, 100
# Sources of crawls that no user and no schedule requested.
BACKGROUND = frozenset({JobSource.DISCOVERY, JobSource.STALE})
# Aging raises the priority of a background job at most to this limit. Otherwise an old background
# job would run before user requests, which have priorities of 50 to 70.
BACKGROUND_PRIORITY_CEILING = 40


def priority_ceiling(source: JobSource) -> int:
    """Return the highest priority that a job of this source reaches by aging."""
    if source in BACKGROUND:
        return BACKGROUND_PRIORITY_CEILING
    return PRIORITY_MAX


class EnqueueResult(StrEnum):
    CREATED = "created"
    MERGED = "merged"
    RERUN_REQUESTED = "rerun_requested"


@dataclass(frozen=True)
class Enqueued:
    """The result of a request to crawl one subreddit."""

    job_id: int
    subreddit: str
    result: EnqueueResult


@dataclass(frozen=True)
class Job:
    """A row of the table crawl_jobs. All times have the time zone UTC."""

    id: int
    subreddit_id: int
    subreddit: str
    status: JobStatus
    wait_reason: WaitReason | None
    priority: int
    base_priority: int
    priority_ceiling: int
    source: JobSource
    scheduled_job_id: int | None
    depth: int
    # No worker claims the job before this time. For a parked job: the time when its cause is
    # checked next.
    visible_at: datetime
    waits_until: datetime | None  # when the wait ends; None: unknown, or the job does not wait
    queued_at: datetime
    created_at: datetime
    finished_at: datetime | None
    retry_count: int
    retries: int
    max_retries: int
    next_retry_at: datetime | None
    claimed_by: str | None
    claimed_at: datetime | None
    lease_expires_at: datetime | None
    progress_at: datetime | None
    rerun_requested: bool
    incomplete: bool
    outcome: str | None
    # The error that explains the present state. Each attempt also stores its own error.
    error_kind: ErrorKind | None
    error_message: str | None
    follow_up_of: int | None  # the job whose rerun request created this job
    follow_up_job_id: int | None  # the job that the rerun request of this job created
    # The total length of the claims that have ended since the last retry by an operator.
    duration_seconds: float | None
    checkpoint: dict[str, Any] | None
    traceparent: str | None  # the W3C traceparent of the request for this crawl
    version: int  # a number that changes with every change of the row

    @property
    def not_before(self) -> datetime | None:
        """No worker claims the job before this time. None: the end of the wait is unknown."""
        return self.waits_until if self.status is JobStatus.WAITING else self.visible_at
