"""The state that all phases of one crawl share: claim, checkpoint, allowance of requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from crawler_worker.claims import claim_counters
from crawler_worker.crawl import politeness
from crawler_worker.crawl.checkpoints import estimate
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.forecast import Forecast
from crawler_worker.crawl.discovery_budget import Spending
from crawler_worker.crawl.missing.known_parts import Key, KnownParts
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.stop import Stop
from crawljobs.db.database import Connection, Database
from crawljobs.domain import reddit_items
from crawljobs.domain.job import Claim
from crawljobs.domain.missing_part import MissingPart
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import crawl_history, crawled_items, missing_parts
from crawljobs.repository.content.crawl_history import CrawlHistory
from crawljobs.repository.queue import leases
from crawljobs.runtime import logs
from crawljobs.settings import CrawlSettings

log = logs.get_logger(__name__)

T = TypeVar("T")
DEPTH_MAX = 1_000  # of discovery: steps from the subreddit that a user or a schedule requested


class AllowanceSpent(Exception):
    """The crawl has made all requests that it may make; it completes with the stored items."""


class CrawlContext:
    """The crawl of one claim. During a crawl all writes go through this class."""

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
        self.checkpoint = checkpoint
        self.settings = settings
        self.stop = stop
        self._client = client
        self._database = database
        self._started_at = time.monotonic()
        self._requests_before = self._requests_saved = checkpoint.requests
        past, self._spending = self.read(self._load_history)
        self.marks = past.marks
        self.parts = KnownParts(past.missing_parts)
        self.whole_walk_at = past.whole_walk_at
        self.access = past.access
        self.access_unconfirmed = past.access_unconfirmed
        self.has_changed_parts = False  # a part was fetched or given up
        self.last_crawled_at = past.last_crawled_at
        self.request_gap = (
            settings.min_request_gap_seconds if past.request_gap is None else past.request_gap
        )

    def _load_history(self, conn: Connection) -> tuple[CrawlHistory, Spending]:
        return crawl_history.load_crawl_history(
            conn, subreddit_id=self.claim.subreddit_id
        ), Spending.of(
            conn,
            self.claim,
            at_most=self.settings.discovery_max_requests,
            charged=self.checkpoint.requests,
        )

    def now(self) -> datetime:
        """The time on the database's clock: the claim's time, plus the monotonic time since."""
        return self.claim.claimed_at + timedelta(seconds=time.monotonic() - self._started_at)

    def request(self, call: Callable[[RedditClient], T]) -> T:
        """Make one request. Raises AllowanceSpent, Interrupted, TooSoon and the client's errors."""
        self._client.forget_reply()
        if self.stop.is_set():
            raise crawl_failures.Interrupted("stopped between two pages")
        is_spent = self._spending.is_spent(self.checkpoint.requests)
        if is_spent or self.checkpoint.requests >= self.settings.max_requests_per_job:
            raise AllowanceSpent
        self._wait_politely()
        before = self._client.sent()
        try:
            with self._client.asking(in_background=self.claim.is_background, gap=self.request_gap):
                return call(self._client)
        finally:
            self.checkpoint = replace(
                self.checkpoint,
                requests=self.checkpoint.requests + self._client.sent() - before,
                asked_at=self.now().isoformat(),
            )

    def _wait_politely(self) -> None:
        """Wait for the gap after the last request, which an earlier crawl may have made."""
        asked_at = self.last_crawled_at
        if self.checkpoint.asked_at is not None:
            asked_at = datetime.fromisoformat(self.checkpoint.asked_at)
        politeness.wait(self.request_gap, asked_at=asked_at, now=self.now(), stop=self.stop)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query that writes nothing. Raises DatabaseUnavailable."""
        return self._database.run(query)

    def store(
        self,
        then: Checkpoint,
        items: Items | None = None,
        *,
        before: Callable[[Connection], object] = lambda _conn: None,
        first: Callable[[Connection], object] = lambda _conn: None,
        extra_writes: Callable[[Connection], object] = lambda _conn: None,
        settled: Iterable[Key] = (),
        kept: MissingPart | None = None,
    ) -> None:
        """Save the checkpoint and the items in one transaction, with the writes of the callers.

        The order is the order of locks in shared/README.md: `before`, the job's own row, `first`,
        the items, `extra_writes`, the parts, the spending of discovery.
        `settled` are parts that were fetched; `kept` is a part that is still missing.
        Raises ClaimLost when another worker may hold the job, and DatabaseUnavailable.
        """
        fetched = self.parts.known_of(settled)
        then = replace(then, requests=self.checkpoint.requests, asked_at=self.checkpoint.asked_at)
        then = replace(then, forecast=self._forecast(then))

        def work(conn: Connection) -> int:
            before(conn)
            leases.save_checkpoint(
                conn, claim=self.claim, checkpoint=then.saved(), incomplete=then.given_up > 0
            )
            first(conn)
            if items is not None:
                crawled_items.store(
                    conn,
                    items=items,
                    known_subreddits={self.claim.subreddit.lower(): self.claim.subreddit_id},
                    discovered_from=self.claim.subreddit_id,
                    depth=min(self.claim.depth + 1, DEPTH_MAX),
                )
            extra_writes(conn)
            missing_parts.settle(conn, subreddit_id=self.claim.subreddit_id, parts=fetched)
            if kept is not None:
                missing_parts.record(conn, subreddit_id=self.claim.subreddit_id, part=kept)
            return self._spending.charge(conn, then.requests)

        try:
            self._spending.charged(self._database.run(work), then.requests)
        finally:
            self._client.forget_reply()
        self.checkpoint = then
        self._requests_saved = then.requests
        self.parts.remove(fetched)
        self.has_changed_parts |= bool(fetched) or kept is not None
        if kept is not None:
            self.parts.add(kept)
        if items is not None and items.dropped + items.unknown:
            log.warning(
                "items.dropped",
                job_id=self.claim.job_id,
                phase=then.phase,
                dropped=items.dropped,
                unknown=items.unknown,
            )

    def give_up(
        self,
        then: Checkpoint,
        part: MissingPart,
        *,
        items: Items | None = None,
        extra_writes: Callable[[Connection], object] = lambda _conn: None,
    ) -> None:
        """Store as `store` does, and record this part as missing, with the time of its next try."""
        self.store(then.without(part), items, extra_writes=extra_writes, kept=part)
        claim_counters.given_up(part)
        log.warning(
            "crawl.part_given_up",
            job_id=self.claim.job_id,
            subreddit=self.claim.subreddit,
            kind=part.kind,
            item=part.item,
            reason=part.reason,
            error=part.message,
            failures=part.failures,
            next_look_at=part.next_look_at.isoformat(),
        )

    def save_requests(self) -> None:
        """Save the number and the time of requests that stored no page: they count against the
        allowance, and the next request must keep its gap to them."""
        if self.checkpoint.requests > self._requests_saved:
            self.store(self.checkpoint)

    def met_new(self) -> bool:
        """Whether this crawl has seen an item, or read a history, that no earlier crawl has."""
        at, marks = self.checkpoint, self.marks
        return (
            at.authors > 0
            or (at.newest_post is not None and reddit_items.is_newer(at.newest_post, marks.post))
            or (
                at.newest_comment is not None
                and reddit_items.is_newer(at.newest_comment, marks.comment)
            )
        )

    def can_discover(self, conn: Connection) -> bool:
        """Whether the discovery budget has requests left for subreddits that this crawl finds."""
        return self._spending.is_left(conn, self.claim, self.checkpoint.requests)

    def _forecast(self, at: Checkpoint) -> Forecast:
        made = at.requests - self._requests_before
        return estimate.forecast(
            at,
            marks=self.marks,
            settings=self.settings,
            seconds=time.monotonic() - self._started_at,
            requests=made,
        )
