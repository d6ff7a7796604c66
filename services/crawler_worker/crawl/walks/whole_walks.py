"""Decides when a crawl walks the whole listings, to find what was approved late."""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl.crawl_context import CrawlContext
from crawljobs.domain.missing_part import PartKind
from crawljobs.runtime import jitter


def choose(session: CrawlContext) -> None:
    """At the first page of posts: whether this crawl stops at the marks of the last one."""
    at = session.at
    if at.page == 0 and not at.whole and _is_due(session):
        session.at = replace(at, whole=True)


def _is_due(session: CrawlContext) -> bool:
    every = session.settings.walk_whole_every
    if every is None or session.marks.post is None or session.last_crawled_at is None:
        return False
    now = session.now()
    broken = session.parts.get(PartKind.POSTS)
    if broken is not None and not broken.is_due(now):
        return False  # it would break off at the same page again
    if session.whole_walk_at is not None:
        return now - session.whole_walk_at >= every
    # Crawled by an older release, which did not record it. All of these must not be due at once:
    # each crawl draws by its share of the interval, so that most are walked within two intervals.
    share = (now - session.last_crawled_at) / every
    return jitter.uniform(0, 1) < share
