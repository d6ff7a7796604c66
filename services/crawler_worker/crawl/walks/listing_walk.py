"""Walks a listing from its newest item towards the high-water mark of the last crawl."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from crawler_worker.crawl.checkpoints import checkpoint
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.seen_ids import Seen
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts, required
from crawler_worker.reddit.requester import Requester
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import ListingName, Walk, WalkEnd
from crawljobs.domain.missing_part import PartKind
from crawljobs.domain.reddit_items import Comment, Page, Post

# Consecutive known items after which a walk stops. One is not enough: sticky posts and late
# approvals are out of order.
OLDER_IN_A_ROW = 25
# Number of fallback cursors: the page after an item that was deleted in the meantime is empty.
ANCHORS = 3
# Distinct items after which a walk stops: twice the size of Reddit's listings.
ITEMS_MAX = 2_000
# Consecutive pages with a cursor but without items after which the walk counts as a loop. Fewer can
# come from a filter of Reddit's.
EMPTY_PAGES = 3

FetchPage = Callable[[Requester, str | None], Page]

_KINDS = {ListingName.POSTS: PartKind.POSTS, ListingName.COMMENTS: PartKind.COMMENTS}
_PREFIXES = {ListingName.POSTS: "t3_", ListingName.COMMENTS: "t1_"}


@dataclass(frozen=True, slots=True)
class Course:
    """The plan of a walk: its listing and the place where it may stop.

    `mark` is the newest item below which an earlier crawl has seen every item, or None. With
    `is_whole` the walk does not stop at the mark. With `is_short` `mark` is the newest item of a
    walk that failed below it, so this walk does not reach the mark of the last crawl.
    Only in a listing that is sorted `by_age` can omitted older items be detected.
    """

    listing: ListingName
    mark: str | None
    by_age: bool = True
    is_short: bool = False
    is_whole: bool = False
    items_max: int = ITEMS_MAX

    @property
    def kind(self) -> PartKind:
        return _KINDS[self.listing]


@dataclass(frozen=True, slots=True)
class Step:
    """The state after one page; `at` has no cursor when the walk is finished."""

    at: Checkpoint
    walk: Walk
    seen: int  # distinct items of all pages so far


def resume(context: CrawlContext, *, restarted: Checkpoint) -> None:
    """Continue from the saved cursor, or from `restarted` when the cursor is too old.

    After a restart, stored items are returned again and write nothing.
    """
    at, gap = context.checkpoint, context.request_gap
    if at.cursor is not None and checkpoint.is_stale(at.cursor_at, now=context.now(), gap=gap):
        context.move_to(restarted.restarted())


def next_page(
    context: CrawlContext, course: Course, fetch: FetchPage, *, is_required: bool
) -> tuple[Page, bool]:
    """Fetch the page after the cursor. Returns it, and whether the walk lost its position.

    An empty page does not prove the end of the listing: the item of the cursor may have been
    deleted, so the fallback cursors before it are tried. Raises GivenUp for a page that is not
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


def older_in_a_row(before: int, ids: Sequence[str], mark: str | None) -> int:
    """The number of consecutive items that an earlier crawl has seen, this page included.

    Stops at OLDER_IN_A_ROW, which ends the walk, whatever the rest of the page shows.
    """
    run = before
    for item_id in ids:
        if run >= OLDER_IN_A_ROW:
            break
        run = 0 if reddit_items.is_newer(item_id, mark) else run + 1
    return run


def after_page(
    context: CrawlContext,
    page: Page,
    items: Sequence[Post | Comment],
    course: Course,
    so_far: tuple[Walk, int],
    *,
    is_lost: bool = False,
) -> Step:
    """The step after this page with these items.

    `so_far` is the walk before this page, and the number of its distinct items.
    """
    walk, before = so_far
    at = context.checkpoint
    seen = Seen(at.seen)
    ids = [item.id for item in items]
    new = seen.new_of(ids)
    seen.add(new)
    count = before + len(new)
    empty_pages = 0 if ids else at.empty_pages + 1
    is_circle = page.after is not None and page.after == at.cursor
    brings_nothing = at.cursor is not None and not new
    run = older_in_a_row(at.older_in_a_row, ids, course.mark)
    end = _end(
        course, run, (count, at.page + 1), is_lost=is_lost, is_last=page.after is None,
        is_loop=is_circle or (brings_nothing and (bool(ids) or empty_pages >= EMPTY_PAGES)),
    )  # fmt: skip
    walk = replace(_further(walk, items), end=end)
    prefix = _PREFIXES[course.listing]
    then = replace(
        at,
        cursor=page.after if end is None else None,
        cursor_at=context.now().isoformat(),
        anchors=tuple(f"{prefix}{each}" for each in reversed(ids[-ANCHORS:-1])) if not end else (),
        page=at.page + 1,
        older_in_a_row=run,
        seen=seen.text,
        empty_pages=empty_pages,
    )
    return Step(then, walk, count)


def _end(
    course: Course, run: int, place: tuple[int, int], *, is_lost: bool, is_loop: bool, is_last: bool
) -> WalkEnd | None:
    """The reason why the walk ends after this page; None when it continues.

    `place` is the number of distinct items, and the number of pages.
    """
    count, pages = place
    is_broken = is_lost or (is_loop and not is_last)
    if not course.is_whole and run >= (1 if is_broken else OLDER_IN_A_ROW):
        return WalkEnd.MARK
    if is_broken:
        return WalkEnd.LOST if is_lost else WalkEnd.LOOP
    if is_last:
        is_capped = count >= reddit_items.LISTING_CAP or pages >= reddit_items.LISTING_PAGES
        return WalkEnd.CAP if is_capped else WalkEnd.FIRST_ITEM
    return WalkEnd.LIMIT if count >= course.items_max else None


def _further(walk: Walk, items: Sequence[Post | Comment]) -> Walk:
    """The walk with this page. The last item of a page is the oldest: pinned items and items that
    were approved late come before it."""
    if not items or (walk.oldest is not None and reddit_items.is_newer(items[-1].id, walk.oldest)):
        return walk
    return replace(walk, oldest=items[-1].id, oldest_at=items[-1].created_at)


def course_of(context: CrawlContext, listing: ListingName, mark: str | None) -> Course:
    """The course of the walk of this listing.

    When an earlier crawl gave up a page, the walk stops at the newest item of that crawl, and the
    mark does not move. When the next try of the page is due, or the whole listing is walked, the
    walk requests the page again and continues to the mark.
    """
    whole = context.checkpoint.whole
    known = context.parts.get(_KINDS[listing])
    if known is None or known.seen_to is None or whole or known.is_due(context.now()):
        return Course(listing, mark, is_whole=whole)
    return Course(listing, known.seen_to, is_short=True)
