"""The claim of a job by a worker."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from crawljobs.domain.job import BACKGROUND, BACKGROUND_PRIORITY_CEILING, JobSource


# A NamedTuple, because each job needs a Claim, and a frozen dataclass takes four times as long to
# create.
class Claim(NamedTuple):
    """A worker's ownership of one job: the data for the crawl, and the claim token.

    Each write of the worker checks the claim token. So a worker that lost its claim cannot write.
    """

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
    traceparent: str | None = None  # the W3C traceparent of the request for this crawl

    @property
    def is_background(self) -> bool:
        """Return whether the source is in BACKGROUND and no urgent request was merged into the job.

        A request is urgent if its priority is above BACKGROUND_PRIORITY_CEILING.
        """
        return self.source in BACKGROUND and self.priority <= BACKGROUND_PRIORITY_CEILING
