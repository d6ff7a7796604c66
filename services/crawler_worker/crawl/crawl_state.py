"""The state that all phases of a crawl share: claim, checkpoint, history and missing parts."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from crawler_worker.crawl.checkpoints import estimate, new_items
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.forecast import Forecast
from crawler_worker.crawl.missing.known_parts import KnownParts
from crawler_worker.reddit.stop import Stop
from crawljobs.domain.claim import Claim
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content.crawl_history import CrawlHistory
from crawljobs.settings import CrawlSettings


class CrawlState:
    """The state of one crawl. Only methods of CrawlState and CrawlContext change the state.

    `started_at` is the time when the crawl started, by the monotonic clock, in seconds.
    """

    def __init__(
        self,
        claim: Claim,
        checkpoint: Checkpoint,
        *,
        history: CrawlHistory,
        settings: CrawlSettings,
        stop: Stop,
        started_at: float,
    ) -> None:
        self.claim = claim
        self._checkpoint = checkpoint
        self.settings = settings
        self.stop = stop
        self._started_at = started_at
        self._requests_before = checkpoint.requests
        self.marks = history.marks
        self.parts = KnownParts(history.missing_parts)
        self.whole_walk_at = history.whole_walk_at
        self.access = history.access
        self.access_unconfirmed = history.access_unconfirmed
        self.has_changed_parts = False  # True after a part was stored or given up
        self.last_crawled_at = history.last_crawled_at
        self.request_gap = (
            settings.min_request_gap_seconds if history.request_gap is None else history.request_gap
        )

    def now(self) -> datetime:
        """Return the database's time: the time of the claim, plus the seconds since the claim."""
        return self.claim.claimed_at + timedelta(seconds=time.monotonic() - self._started_at)

    @property
    def checkpoint(self) -> Checkpoint:
        """Return the current checkpoint. Its newest changes may not be saved yet."""
        return self._checkpoint

    def move_to(self, then: Checkpoint) -> None:
        """Continue from this checkpoint. The next call of `store` saves the checkpoint."""
        self._checkpoint = then

    def record_access(self, access: AccessState) -> None:
        """Set `access` to this confirmed state, after the state was stored in the database."""
        self.access, self.access_unconfirmed = access, None

    def record_changed_parts(self) -> None:
        """Record that a part was stored or given up. So the end of the crawl recounts the trees."""
        self.has_changed_parts = True

    def met_new(self) -> bool:
        """Return whether the crawl has seen a new item, or has stored the history of an author."""
        return new_items.has_new(self.checkpoint, self.marks)

    def forecast(self, at: Checkpoint) -> Forecast:
        """Return the expected number of all requests of the crawl, and the seconds per request."""
        return estimate.forecast(
            at,
            marks=self.marks,
            settings=self.settings,
            seconds=time.monotonic() - self._started_at,
            requests=at.requests - self._requests_before,
        )
