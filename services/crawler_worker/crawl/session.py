"""What every phase of one crawl shares: its claim, its progress, its allowance of requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from crawler_worker.crawl.checkpoint import Checkpoint
from crawler_worker.reddit import failures
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.stop import Stop
from crawljobs import logs
from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import Claim
from crawljobs.domain.reddit_items import Items
from crawljobs.repository import claims, crawled_items
from crawljobs.settings import CrawlSettings

log = logs.get_logger(__name__)

T = TypeVar("T")
DEPTH_MAX = 1_000  # of discovery: how many steps a subreddit is away from what was asked for


class AllowanceSpent(Exception):
    """The crawl made MAX_REQUESTS_PER_JOB requests: it ends with what it has."""


class Session:
    """One claim being worked on. The only place that writes during a crawl."""

    def __init__(
        self,
        claim: Claim,
        checkpoint: Checkpoint,
        *,
        database: Database,
        client: RedditClient,
        settings: CrawlSettings,
        stop: Stop,
    ) -> None:
        self.claim = claim
        self.at = checkpoint
        self.settings = settings
        self.stop = stop
        self._client = client
        self._database = database
        self._started_at = time.monotonic()

    def now(self) -> datetime:
        """The time on the database's clock, as far as the claim tells it."""
        return self.claim.claimed_at + timedelta(seconds=time.monotonic() - self._started_at)

    def ask(self, call: Callable[[RedditClient], T]) -> T:
        """One request. Raises AllowanceSpent, Interrupted, and the client's errors."""
        if self.stop.is_set():
            raise failures.Interrupted("told to stop between two pages")
        if self.at.requests >= self.settings.max_requests_per_job:
            raise AllowanceSpent
        self.at = replace(self.at, requests=self.at.requests + 1)
        return call(self._client)

    def read(self, query: Callable[[Connection], T]) -> T:
        return self._database.run(query)

    def store(
        self,
        then: Checkpoint,
        items: Items | None = None,
        *,
        also: Callable[[Connection], object] = lambda _conn: None,
    ) -> None:
        """Save the checkpoint, the items and whatever else belongs to them, or nothing of it.

        Raises ClaimLost when somebody else may hold the job by now.
        """

        def work(conn: Connection) -> None:
            claims.save_checkpoint(conn, claim=self.claim, checkpoint=then.saved())
            if items is not None:
                crawled_items.store(
                    conn,
                    items=items,
                    known_subreddits={self.claim.subreddit.lower(): self.claim.subreddit_id},
                    discovered_from=self.claim.subreddit_id,
                    depth=min(self.claim.depth + 1, DEPTH_MAX),
                )
            also(conn)

        self._database.run(work)
        self.at = then
        if items is not None and items.dropped + items.unknown:
            log.warning(
                "items.unreadable",
                job_id=self.claim.job_id,
                phase=then.phase,
                dropped=items.dropped,
                unknown=items.unknown,
            )
