"""Crawl jobs: their states, and every allowed transition between states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID


class JobStatus(StrEnum):
    BLOCKED = "blocked"
    WAITING = "waiting"
    QUEUED = "queued"
    CRAWLING = "crawling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WaitReason(StrEnum):
    """Why a waiting job is not visible yet."""

    RETRY = "retry"
    RATE_LIMIT = "rate_limit"
    POLITENESS = "politeness"
    PAUSED = "paused"
    OUTAGE = "outage"
    LATER = "later"
    UNCLEAR = "unclear"  # Reddit gives no usable reply to a required page of its community

    @classmethod
    def _missing_(cls, value: object) -> WaitReason | None:
        """Keep the reason that a later release has stored."""
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
        """The reason of a row: `retry` with the error kind `deferred` means UNCLEAR."""
        if stored is None:
            return None
        if stored == cls.RETRY and error_kind == ErrorKind.DEFERRED:
            return cls.UNCLEAR
        return cls(stored)


# A job whose cause may change or end (a pause, politeness, Reddit's limit, an outage) is parked for
# 60 s at most. So it is claimable within 65 s of the end of its cause: 60 s plus one sweep.
PARKED_MAX_SECONDS = 60
FREED_WITHIN_SECONDS = 65


class ErrorKind(StrEnum):
    """The class of an error: it decides between fail, schedule_retry and defer."""

    PERMANENT = "permanent"
    RETRYABLE = "retryable"
    DEFERRED = "deferred"


class AttemptOutcome(StrEnum):
    """The outcome of a claim."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEFERRED = "deferred"
    RELEASED = "released"
    LEASE_EXPIRED = "lease_expired"
    CANCELLED = "cancelled"


class JobSource(StrEnum):
    """The origin of a request to crawl."""

    USER = "user"
    SCHEDULE = "schedule"
    DISCOVERY = "discovery"
    STALE = "stale"


class Transition(StrEnum):
    """A verb of the queue; each verb is one kind of transition."""

    UNBLOCK = "unblock"
    REQUEUE = "requeue"
    PARK = "park"
    CLAIM = "claim"
    COMPLETE = "complete"
    SCHEDULE_RETRY = "schedule_retry"
    DEFER = "defer"
    FAIL = "fail"
    RELEASE = "release"
    RESCUE = "rescue"
    WAKE = "wake"
    CANCEL = "cancel"
    GIVE_UP = "give_up"
    RETRY = "retry"


LIVE = frozenset({JobStatus.BLOCKED, JobStatus.WAITING, JobStatus.QUEUED, JobStatus.CRAWLING})
FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})

_S = JobStatus
TRANSITIONS: dict[Transition, tuple[frozenset[JobStatus], frozenset[JobStatus]]] = {
    # verb: (from any of, to one of)
    Transition.UNBLOCK: (frozenset({_S.BLOCKED}), frozenset({_S.QUEUED, _S.WAITING})),
    Transition.REQUEUE: (frozenset({_S.WAITING}), frozenset({_S.QUEUED})),
    Transition.WAKE: (frozenset({_S.WAITING}), frozenset({_S.QUEUED})),
    Transition.PARK: (frozenset({_S.QUEUED}), frozenset({_S.WAITING})),
    Transition.CLAIM: (frozenset({_S.QUEUED}), frozenset({_S.CRAWLING})),
    Transition.COMPLETE: (frozenset({_S.CRAWLING}), frozenset({_S.SUCCEEDED})),
    Transition.SCHEDULE_RETRY: (frozenset({_S.CRAWLING}), frozenset({_S.WAITING})),
    Transition.DEFER: (frozenset({_S.CRAWLING}), frozenset({_S.WAITING})),
    Transition.FAIL: (frozenset({_S.CRAWLING}), frozenset({_S.FAILED})),
    Transition.RELEASE: (frozenset({_S.CRAWLING}), frozenset({_S.QUEUED})),
    Transition.RESCUE: (frozenset({_S.CRAWLING}), frozenset({_S.QUEUED, _S.WAITING, _S.FAILED})),
    Transition.CANCEL: (LIVE, frozenset({_S.CANCELLED})),
    Transition.GIVE_UP: (LIVE, frozenset({_S.FAILED})),
    Transition.RETRY: (FINAL, frozenset({_S.QUEUED})),
}

PRIORITY_MIN, PRIORITY_MAX = 0, 100
# Sources of automatic crawls.
BACKGROUND = frozenset({JobSource.DISCOVERY, JobSource.STALE})
# Background jobs must not age past user requests, which have priorities of 50 to 70.
BACKGROUND_PRIORITY_CEILING = 40


def priority_ceiling(source: JobSource) -> int:
    """The highest priority that a job of this source reaches by aging."""
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


class Claim(NamedTuple):  # one per job: a frozen dataclass takes four times as long to make
    """A worker's ownership of one job: the data for the crawl, and the token that fences it."""

    job_id: int
    claim_token: UUID
    subreddit_id: int
    subreddit: str
    source: JobSource
    priority: int
    depth: int
    retry_count: int
    max_retries: int
    checkpoint: dict[str, Any] | None
    claimable_at: datetime
    claimed_at: datetime
    lease_expires_at: datetime
    traceparent: str | None = None  # the trace of the request to crawl

    @property
    def is_background(self) -> bool:
        """Whether it is an automatic crawl, and no user's or schedule's request was merged in."""
        return self.source in BACKGROUND and self.priority <= BACKGROUND_PRIORITY_CEILING


@dataclass(frozen=True)
class Job:
    """A row of crawl_jobs; all times are aware, in UTC."""

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
    visible_at: datetime  # not claimed before; the next check of the cause of a parked job
    waits_until: datetime | None  # of a waiting job: the end of its cause; None: no known end
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
    error_kind: ErrorKind | None
    error_message: str | None
    checkpoint: dict[str, Any] | None
    traceparent: str | None  # the trace of the request to crawl
    version: int  # changes with every change of the row

    @property
    def not_before(self) -> datetime | None:
        """The earliest time of a claim; None: the cause of its wait has no known end."""
        return self.waits_until if self.status is JobStatus.WAITING else self.visible_at


@dataclass(frozen=True)
class Attempt:
    """A claim that ended.

    A series of deferrals whose messages differ in numbers at most is stored as its last one.
    `times` is the length of the series, and `first_started_at` the start of its first deferral;
    None when `times` is 1.
    """

    id: int
    job_id: int
    worker: str
    started_at: datetime
    ended_at: datetime
    outcome: AttemptOutcome
    error_kind: ErrorKind | None
    error_message: str | None
    times: int
    first_started_at: datetime | None
