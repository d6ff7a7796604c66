"""The transaction that saves a crawl's checkpoint together with the items of a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.discovery_budget import Spending
from crawljobs.db.database import Connection
from crawljobs.domain.claim import Claim
from crawljobs.domain.content_history import NO_HISTORY, ContentHistory
from crawljobs.domain.missing_part import MissingPart
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import missing_parts
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.queue import leases

# The largest depth of a discovered subreddit. A subreddit that a user or a schedule requested has
# depth 0, and each discovery adds 1.
DEPTH_MAX = 1_000

Write = Callable[[Connection], object]


def nothing(_conn: Connection) -> None:
    """Write nothing."""


@dataclass(frozen=True, slots=True)
class PageWrite:
    """The writes of one transaction, in the order of locks that shared/README.md defines.

    The order is: `before`, the job's row, `first`, the items, `extra_writes`, the missing parts.

    - `fetched`: parts that are no longer missing. Their rows are deleted.
    - `kept`: a part that is still missing. Its row is stored.
    - `key`: the key of the hashes by which erased authors are recognized.
    - `keeps_from`: an item that was created before this time is stored without its content.
    - `drops_removed_titles`: removed posts are stored without their titles and urls.
    """

    claim: Claim
    checkpoint: Checkpoint
    items: Items | None = None
    before: Write = nothing
    first: Write = nothing
    extra_writes: Write = nothing
    fetched: Sequence[MissingPart] = ()
    kept: MissingPart | None = None
    history: ContentHistory = NO_HISTORY
    key: bytes | None = field(default=None, repr=False)
    keeps_from: datetime | None = None
    drops_removed_titles: bool = False

    def execute(self, conn: Connection, spending: Spending) -> int:
        """Execute all writes. Charge the crawl's requests to the discovery budget of its root.

        Return the number of requests that all crawls have charged to the root. If another worker
        may hold the job, raise ClaimLost before any item is written.
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
                history=self.history,
                key=self.key,
                keeps_from=self.keeps_from,
                drops_removed_titles=self.drops_removed_titles,
            )
        self.extra_writes(conn)
        missing_parts.settle(conn, subreddit_id=claim.subreddit_id, parts=self.fetched)
        if self.kept is not None:
            missing_parts.record(conn, subreddit_id=claim.subreddit_id, part=self.kept)
        return spending.charge(conn, checkpoint.requests)
