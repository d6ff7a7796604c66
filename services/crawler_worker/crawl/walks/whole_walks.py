"""Decides when a crawl reads the whole listings, to find items that were approved late."""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl.crawl_context import CrawlContext
from crawljobs.domain.missing_part import PartKind
from crawljobs.runtime import jitter


def choose(context: CrawlContext) -> None:
    """Decide before the first page of posts whether this crawl reads the whole listings.

    A crawl that reads the whole listings does not stop at the high-water marks of earlier crawls.
    """
    at = context.checkpoint
    if at.page == 0 and not at.whole and _is_due(context):
        context.move_to(replace(at, whole=True))


def _is_due(context: CrawlContext) -> bool:
    every = context.settings.walk_whole_every
    if every is None or context.marks.post is None or context.last_crawled_at is None:
        return False
    now = context.now()
    broken = context.parts.get(PartKind.POSTS)
    if broken is not None and not broken.is_due(now):
        return False  # the walk would reach a page that failed and whose next try is not due
    if context.whole_walk_at is not None:
        return now - context.whole_walk_at >= every
    # An older release crawled the subreddit, so no walk of the whole listings is recorded. Many of
    # these subreddits must not be due at once, so each crawl decides at random. The probability is
    # the share of the interval that has passed since the last crawl. Most subreddits are due within
    # two intervals.
    share = (now - context.last_crawled_at) / every
    return jitter.uniform(0, 1) < share
