"""Reads a listing page by page, from its newest item to the high-water mark of earlier crawls."""

from __future__ import annotations

from collections.abc import Callable

from crawler_worker.crawl.checkpoints import checkpoint
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts, required
from crawler_worker.crawl.walks.courses import Course
from crawler_worker.reddit.requester import Requester
from crawljobs.domain.reddit_items import Page

FetchPage = Callable[[Requester, str | None], Page]


def resume(context: CrawlContext, *, restarted: Checkpoint) -> None:
    """Continue from the saved cursor, or from `restarted` if the cursor is too old.

    After a restart, Reddit returns items that are already stored. To store them again is harmless.
    """
    at, gap = context.checkpoint, context.request_gap
    if at.cursor is not None and checkpoint.is_stale(at.cursor_at, now=context.now(), gap=gap):
        context.move_to(restarted.restarted())


def next_page(
    context: CrawlContext, course: Course, fetch: FetchPage, *, is_required: bool
) -> tuple[Page, bool]:
    """Request the page after the cursor. Return the page, and whether the position was lost.

    A page can be empty for two reasons: the listing ends, or the item of the cursor was deleted. So
    after an empty page, the cursors of the preceding items are tried. If all these pages are empty,
    the position is lost. Raises GivenUp if Reddit returns no usable reply for a page that is not
    required.
    """
    cursor, anchors = context.checkpoint.cursor, context.checkpoint.anchors

    def page_behind(anchor: str | None) -> Page:
        def call(requester: Requester) -> Page:
            return fetch(requester, anchor)

        if is_required:
            return required.request(context, call)
        return parts.request(context, course.kind, anchor or "", call)

    page = page_behind(cursor)
    for anchor in anchors:
        if cursor is None or page.after is not None or _shows_something(page):
            return page, False
        page = page_behind(anchor)
    return page, cursor is not None and page.after is None and not _shows_something(page)


def _shows_something(page: Page) -> bool:
    items = page.items
    return bool(items.posts or items.comments or items.dropped or items.unknown)
