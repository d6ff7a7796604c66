"""Decides when a crawl walks the whole listings, to find what was approved late."""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl.crawl_context import CrawlContext
from crawljobs.domain.missing_part import PartKind
from crawljobs.runtime import jitter


def choose(context: CrawlContext) -> None:
    """At the first page of posts: whether this crawl stops at the marks of the last one."""
    at = context.checkpoint
    if at.page == 0 and not at.whole and _is_due(context):
        context.checkpoint = replace(at, whole=True)


def _is_due(context: CrawlContext) -> bool:
    every = context.settings.walk_whole_every
    if every is None or context.marks.post is None or context.last_crawled_at is None:
        return False
    now = context.now()
    broken = context.parts.get(PartKind.POSTS)
    if broken is not None and not broken.is_due(now):
        return False  # it would break off at the same page again
    if context.whole_walk_at is not None:
        return now - context.whole_walk_at >= every
    # Crawled by an older release, which did not record it. All of these must not be due at once:
    # each crawl draws by its share of the interval, so that most are walked within two intervals.
    share = (now - context.last_crawled_at) / every
    return jitter.uniform(0, 1) < share
