"""The claim of a job by a worker."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from crawljobs.domain.job import BACKGROUND, BACKGROUND_PRIORITY_CEILING, JobSource


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
