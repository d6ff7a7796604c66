"""What a crawl that nobody asked for may cost: all from one root share a budget of requests."""

from __future__ import annotations

from crawljobs.db.database import Connection
from crawljobs.domain.job import Claim, JobSource
from crawljobs.repository.content import discovery


class Spending:
    """Nothing is counted of a crawl that somebody asked for."""

    def __init__(self, root: int | None, *, at_most: int, spent: int, charged: int) -> None:
        self._root = root
        self._at_most = at_most
        self._spent = spent  # by everybody, as of the last charge
        self._charged = charged  # of this crawl's requests

    @classmethod
    def of(cls, conn: Connection, claim: Claim, *, at_most: int, charged: int) -> Spending:
        """`charged` are the requests of this crawl that earlier attempts have charged."""
        if claim.source is not JobSource.DISCOVERY:
            return cls(None, at_most=at_most, spent=0, charged=0)
        root = discovery.root_of(conn, subreddit_id=claim.subreddit_id, depth=claim.depth)
        spent = discovery.spent(conn, root=root)
        return cls(root, at_most=at_most, spent=spent, charged=charged)

    def is_left(self, conn: Connection, claim: Claim, requests: int) -> bool:
        """Whether crawls that this one, which has made so many requests, leads to would have
        something to spend."""
        root = discovery.root_of(conn, subreddit_id=claim.subreddit_id, depth=claim.depth)
        uncharged = 0 if self._root is None else requests - self._charged
        return discovery.spent(conn, root=root) + uncharged < self._at_most

    def is_spent(self, requests: int) -> bool:
        """Whether the crawl, which has made so many requests, may make no more."""
        return self._root is not None and self._spent + requests - self._charged >= self._at_most

    def charge(self, conn: Connection, requests: int) -> int:
        """In the transaction that saves `requests`; what everybody has spent now."""
        if self._root is None or requests == self._charged:
            return self._spent
        return discovery.spend(conn, root=self._root, requests=requests - self._charged)

    def charged(self, spent: int, requests: int) -> None:
        """The transaction was committed."""
        self._spent, self._charged = spent, requests
