"""The transaction that saves the checkpoint of a crawl together with the items of a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.discovery_budget import Spending
from crawljobs.db.database import Connection
from crawljobs.domain.claim import Claim
from crawljobs.domain.missing_part import MissingPart
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import missing_parts
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.queue import leases

DEPTH_MAX = 1_000  # of discovery: steps from the subreddit that a user or a schedule requested

Write = Callable[[Connection], object]


def nothing(_conn: Connection) -> None:
    """A write that changes nothing."""


@dataclass(frozen=True, slots=True)
class PageWrite:
    """The writes of one transaction, in the order of locks in shared/README.md.

    `before` comes before the job's own row, `first` after it and before the items, `extra_writes`
    after the items. `fetched` are parts that are no longer missing; `kept` is one that still is.
    """

    claim: Claim
    checkpoint: Checkpoint
    items: Items | None = None
    before: Write = nothing
    first: Write = nothing
    extra_writes: Write = nothing
    fetched: Sequence[MissingPart] = ()
    kept: MissingPart | None = None

    def execute(self, conn: Connection, spending: Spending) -> int:
        """Write all, and charge the requests of the checkpoint.

        Returns the spending of the discovery budget. Raises ClaimLost, before any item is written,
        when another worker may hold the job.
        """
        claim, checkpoint = self.claim, self.checkpoint
        self.before(conn)
        leases.save_checkpoint(
            conn, claim=claim, checkpoint=checkpoint.saved(), incomplete=checkpoint.given_up > 0
        )
        self.first(conn)
        if self.items is not None:
            crawled_items.store(
                conn,
                items=self.items,
                known_subreddits={claim.subreddit.lower(): claim.subreddit_id},
                discovered_from=claim.subreddit_id,
                depth=min(claim.depth + 1, DEPTH_MAX),
            )
        self.extra_writes(conn)
        missing_parts.settle(conn, subreddit_id=claim.subreddit_id, parts=self.fetched)
        if self.kept is not None:
            missing_parts.record(conn, subreddit_id=claim.subreddit_id, part=self.kept)
        return spending.charge(conn, checkpoint.requests)
