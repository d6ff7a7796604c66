"""Limits the number of requests that one crawl may make."""

from __future__ import annotations

from crawler_worker.crawl.discovery_budget import Spending


class AllowanceSpent(Exception):
    """The crawl may make no more requests. The crawl ends, and the stored items stay stored."""


def check(requests: int, *, spending: Spending, at_most: int) -> None:
    """Raise AllowanceSpent if a crawl that has made `requests` requests may not make another."""
    if requests >= at_most or spending.is_spent(requests):
        raise AllowanceSpent
