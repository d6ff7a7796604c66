"""Asks for what a crawl requires: the description of a subreddit and its first page of posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.client import RedditClient

T = TypeVar("T")


def request(context: CrawlContext, call: Callable[[RedditClient], T]) -> T:
    """One request, and a second one when Reddit denies access in a way that is not known yet.

    A subreddit that was never crawled is believed to be gone at once, with its schedules disabled:
    one wrong reply must not be enough. Raises everything that `CrawlContext.request` raises.
    """
    try:
        return context.request(call)
    except crawl_failures.Unavailable as error:
        if error.access is context.access:
            raise
    return context.request(call)
