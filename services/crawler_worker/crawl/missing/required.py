"""Requests the pages that a crawl requires: the description and the first page of posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.requester import Requester

T = TypeVar("T")


def request(context: CrawlContext, call: Callable[[Requester], T]) -> T:
    """Make one request, and a second one when the reply denies access and would change the stored
    access.

    A subreddit that was never crawled counts as gone after one denial, and its schedules are
    disabled: so one wrong reply must not decide. Raises all that `CrawlContext.request` raises.
    """
    try:
        return context.request(call)
    except crawl_failures.Unavailable as error:
        if error.access is context.access:
            raise
    return context.request(call)
