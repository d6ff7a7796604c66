"""The number of requests that one crawl may make."""

from __future__ import annotations

from crawler_worker.crawl.discovery_budget import Spending


class AllowanceSpent(Exception):
    """The crawl has made all requests that it may make; it completes with the stored items."""


def check(requests: int, *, spending: Spending, at_most: int) -> None:
    """Raise AllowanceSpent when a crawl with this number of requests may make no other."""
    if requests >= at_most or spending.is_spent(requests):
        raise AllowanceSpent
