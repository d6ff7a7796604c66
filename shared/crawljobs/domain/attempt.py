"""The attempts of a job. An attempt is a claim that has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from crawljobs.domain.job import ErrorKind


class AttemptOutcome(StrEnum):
    """How a claim ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEFERRED = "deferred"
    RELEASED = "released"
    LEASE_EXPIRED = "lease_expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Attempt:
    """A claim that has ended, or a series of deferrals.

    Consecutive deferrals form a series if their messages are equal except for the numbers in them.
    The fields describe the last deferral, with two exceptions:

    - `times`: the number of deferrals; 1 for a single attempt.
    - `first_started_at`: the start of the first deferral; None for a single attempt.
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
