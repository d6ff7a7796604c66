"""Makes the requests and the writes of one crawl."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from crawler_worker.claims import claim_counters
from crawler_worker.crawl import allowance, crawl_log, page_write, politeness
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.crawl_state import CrawlState
from crawler_worker.crawl.discovery_budget import Spending
from crawler_worker.crawl.missing.known_parts import Key
from crawler_worker.crawl.page_write import PageWrite, Write
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.request_context import RequestContext
from crawler_worker.reddit.requester import Requester
from crawler_worker.reddit.stop import Stop
from crawljobs.db.database import Connection, Database
from crawljobs.domain.claim import Claim
from crawljobs.domain.missing_part import MissingPart
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import crawl_history
from crawljobs.settings import CrawlSettings

T = TypeVar("T")


class CrawlContext(CrawlState):
    """The crawl of one claim. All requests and all writes of a crawl go through this class."""

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
        started_at = time.monotonic()
        self._client = client
        self._database = database
        history, self._spending = database.run_statement(
            lambda conn: (
                crawl_history.load_crawl_history(conn, subreddit_id=claim.subreddit_id),
                Spending.of(
                    conn,
                    claim,
                    at_most=settings.discovery_max_requests,
                    charged=checkpoint.requests,
                ),
            )
        )
        super().__init__(
            claim,
            checkpoint,
            history=history,
            settings=settings,
            stop=stop,
            started_at=started_at,
        )
        self._requests_saved = checkpoint.requests
        self._requester = Requester(
            client,
            RequestContext(
                stop,
                in_background=claim.is_background,
                gap=self.request_gap,
                on_sent=self._count_request,
                source=claim.source,
            ),
        )

    def request(self, call: Callable[[Requester], T]) -> T:
        """Wait for the minimum time since the last request, then make one request. Raises
        AllowanceSpent, Interrupted, TooSoon, and the errors of RedditClient.send."""
        self._client.forget_reply()
        if self.stop.is_set():
            raise crawl_failures.Interrupted("stopped between two pages")
        allowance.check(
            self.checkpoint.requests,
            spending=self._spending,
            at_most=self.settings.max_requests_per_job,
        )
        self._wait_politely()
        try:
            return call(self._requester)
        finally:
            self.move_to(replace(self.checkpoint, asked_at=self.now().isoformat()))

    def _count_request(self) -> None:
        self.move_to(replace(self.checkpoint, requests=self.checkpoint.requests + 1))

    def _wait_politely(self) -> None:
        """Wait until the minimum time since the subreddit's last request (of any crawl) is over."""
        asked_at = self.last_crawled_at
        if self.checkpoint.asked_at is not None:
            asked_at = datetime.fromisoformat(self.checkpoint.asked_at)
        politeness.wait(self.request_gap, asked_at=asked_at, now=self.now(), stop=self.stop)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query that only reads, without a transaction. Raises DatabaseUnavailable."""
        return self._database.run_statement(query)

    def store(
        self,
        then: Checkpoint,
        items: Items | None = None,
        *,
        before: Write = page_write.nothing,
        first: Write = page_write.nothing,
        extra_writes: Write = page_write.nothing,
        settled: Iterable[Key] = (),
        kept: MissingPart | None = None,
    ) -> None:
        """Save the checkpoint `then`, the items and the caller's other writes in one transaction.

        `PageWrite` defines the order of the writes.

        - `settled`: parts that are no longer missing.
        - `kept`: a part that is still missing.

        Raises ClaimLost if another worker may hold the job, and DatabaseUnavailable.
        """
        fetched = self.parts.known_of(settled)
        then = replace(then, requests=self.checkpoint.requests, asked_at=self.checkpoint.asked_at)
        then = replace(then, forecast=self.forecast(then))
        history = self.settings.history
        page = PageWrite(
            self.claim,
            then,
            items,
            before,
            first,
            extra_writes,
            fetched,
            kept,
            history,
            key=self.settings.content_key,
            keeps_from=self._keeps_from(),
            drops_removed_titles=self.settings.drops_removed_titles,
        )
        try:
            spent = self._database.run(lambda conn: page.execute(conn, self._spending))
            self._spending.charged(spent, then.requests)
        finally:
            self._client.forget_reply()
        self.move_to(then)
        self._requests_saved = then.requests
        self.parts.remove(fetched)
        if fetched or kept is not None:
            self.record_changed_parts()
        if kept is not None:
            self.parts.add(kept)
        if items is not None:
            crawl_log.dropped(self.claim, then.phase, items)

    def _keeps_from(self) -> datetime | None:
        """Return the earliest creation time of an item whose content is stored. None: no limit."""
        retention = self.settings.content_retention
        return None if retention is None else self.now() - retention

    def give_up(
        self,
        then: Checkpoint,
        part: MissingPart,
        *,
        items: Items | None = None,
        extra_writes: Write = page_write.nothing,
    ) -> None:
        """Store as `store` does, and record that this part (an optional request) is missing."""
        self.store(then.without(part), items, extra_writes=extra_writes, kept=part)
        claim_counters.given_up(part)
        crawl_log.part_given_up(self.claim, part)

    def save_requests(self) -> None:
        """Save the number of requests and the time of the last request, if they are not saved yet.

        Without these values, the next attempt could make too many requests, and could make its
        first request too early.
        """
        if self.checkpoint.requests > self._requests_saved:
            self.store(self.checkpoint)

    def can_discover(self, conn: Connection) -> bool:
        """Return whether the discovery budget has requests left for newly found subreddits."""
        return self._spending.is_left(conn, self.claim, self.checkpoint.requests)
