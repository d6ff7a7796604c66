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
    """A claim that has ended.

    If the messages of several deferrals in a row differ only in numbers, one Attempt stands for all
    of them. It has the data of the last deferral. `times` is the number of deferrals, and
    `first_started_at` is the start of the first, or None if `times` is 1.
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
