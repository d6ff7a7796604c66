"""A claim without a database, for tests of rules that read a claim. `_replace` changes fields."""

import uuid

from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobSource
from support.jobs import T0

CLAIM = Claim(
    job_id=1,
    claim_token=uuid.UUID(int=1),
    subreddit_id=1,
    subreddit="python",
    source=JobSource.USER,
    priority=50,
    depth=0,
    retry_count=0,
    max_retries=3,
    checkpoint=None,
    claimable_at=T0,
    claimed_at=T0,
    lease_expires_at=T0,
)
