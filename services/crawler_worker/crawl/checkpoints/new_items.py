"""Decides whether a crawl has seen new items, by the high-water marks of earlier crawls."""

from __future__ import annotations

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawljobs.domain import reddit_items
from crawljobs.repository.content.crawl_history import Marks


def has_new(at: Checkpoint, marks: Marks) -> bool:
    """Return whether the crawl has seen a new item, or has stored the history of an author."""
    return (
        at.authors > 0
        or (at.newest_post is not None and reddit_items.is_newer(at.newest_post, marks.post))
        or (
            at.newest_comment is not None
            and reddit_items.is_newer(at.newest_comment, marks.comment)
        )
    )
