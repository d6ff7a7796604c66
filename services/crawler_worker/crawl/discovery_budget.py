"""The request budget for crawls of discovered subreddits.

All subreddits that were discovered from the same root share one budget. The root is the subreddit
that a user or a schedule requested.
"""

from __future__ import annotations

from crawljobs.db.database import Connection
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobSource
from crawljobs.repository.content import discovery


class Spending:
    """Counts the requests that a crawl charges to the discovery budget of its root.

    Only a job with the source DISCOVERY charges requests. For all other jobs the count stays 0.
    """

    def __init__(self, root: int | None, *, at_most: int, spent: int, charged: int) -> None:
        self._root = root
        self._at_most = at_most
        # The number of requests that all crawls have charged to the root. This crawl reads the
        # number at its start and at each charge.
        self._spent = spent
        self._charged = charged  # requests that this crawl has charged to the root

    @classmethod
    def of(cls, conn: Connection, claim: Claim, *, at_most: int, charged: int) -> Spending:
        """Return the Spending of this claim's crawl.

        Reads from the database how many requests all crawls have charged to the crawl's root.
        `charged` is the number of requests that earlier attempts of this crawl have charged.
        """
        if claim.source is not JobSource.DISCOVERY:
            return cls(None, at_most=at_most, spent=0, charged=0)
        root = discovery.root_of(conn, subreddit_id=claim.subreddit_id, depth=claim.depth)
        spent = discovery.spent(conn, root=root)
        return cls(root, at_most=at_most, spent=spent, charged=charged)

    def is_left(self, conn: Connection, claim: Claim, requests: int) -> bool:
        """Return whether the root's budget has requests left for subreddits that this crawl finds.

        `requests` is the number of requests that this crawl has made.
        """
        root = discovery.root_of(conn, subreddit_id=claim.subreddit_id, depth=claim.depth)
        uncharged = 0 if self._root is None else requests - self._charged
        return discovery.spent(conn, root=root) + uncharged < self._at_most

    def is_spent(self, requests: int) -> bool:
        """Return whether the budget is used up after this crawl has made `requests` requests."""
        return self._root is not None and self._spent + requests - self._charged >= self._at_most

    def charge(self, conn: Connection, requests: int) -> int:
        """Charge the root for the requests that this crawl has made since its previous charge.

        Call this in the transaction that saves `requests`, the total number of this crawl's
        requests. Return the number of requests that all crawls have charged to the root in its
        current period of 30 days.
        """
        if self._root is None or requests == self._charged:
            return self._spent
        return discovery.spend(conn, root=self._root, requests=requests - self._charged)

    def charged(self, spent: int, requests: int) -> None:
        """Record the result of `charge`. Call this after the commit of its transaction."""
        self._spent, self._charged = spent, requests
