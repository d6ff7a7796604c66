"""The attempts of a job: its claims that ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from crawljobs.domain.job import ErrorKind


class AttemptOutcome(StrEnum):
    """The outcome of a claim."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEFERRED = "deferred"
    RELEASED = "released"
    LEASE_EXPIRED = "lease_expired"
    CANCELLED = "cancelled"


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
