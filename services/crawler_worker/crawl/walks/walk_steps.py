"""Computes the state of a walk after each page. A walk reads a listing page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.seen_ids import Seen
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.walks.courses import Course
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import ListingName, Walk, WalkEnd
from crawljobs.domain.reddit_items import Comment, Page, Post

# The number of known items in a row after which a walk stops. An item is known if an earlier crawl
# has seen the item. One known item is not enough, because pinned posts and posts that were approved
# late are not in the order of age.
OLDER_IN_A_ROW = 25
# The number of items at the end of a page that the walk keeps as cursors. The page after a cursor
# is empty if the item of the cursor was deleted in the meantime. Then another cursor is tried.
ANCHORS = 3
# The number of empty pages in a row after which a walk ends. These pages have cursors but no items,
# and the cursors may form an endless loop. Fewer empty pages can be the effect of a filter at
# Reddit.
EMPTY_PAGES = 3

_PREFIXES = {ListingName.POSTS: "t3_", ListingName.COMMENTS: "t1_"}


@dataclass(frozen=True, slots=True)
class Step:
    """The state of a walk after one page. If the walk has ended, `checkpoint` has no cursor."""

    checkpoint: Checkpoint
    walk: Walk
    seen: int  # number of distinct items of all pages so far


def older_in_a_row(before: int, ids: Sequence[str], mark: str | None) -> int:
    """Return the number of known items in a row, up to and including the page's last item.

    An item is known if it is not newer than `mark`. `ids` are the page's items. `before` is the
    number at the end of the previous page. The count stops at OLDER_IN_A_ROW, because the walk then
    ends even if newer items follow.
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
    """Return the state of the walk after this page. `items` are the page's posts or comments.

    `so_far` is a pair: the walk before this page, and the number of its distinct items. `is_lost`
    is true if the walk has lost its position in the listing.
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
    """Return the reason why the walk ends after this page, or None if the walk continues.

    - `run`: the number of known items in a row.
    - `place`: the number of distinct items, and the number of pages so far.
    - `is_lost`: the walk has lost its position in the listing.
    - `is_loop`: the listing led back to pages that were read.
    - `is_last`: this page has no cursor of a next page.
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
    """Return the walk. If the page's last item is older than `walk.oldest`, it becomes `oldest`.

    Pinned items come first in a page and may be very old, so the page's oldest item is not used.
    """
    if not items or (walk.oldest is not None and reddit_items.is_newer(items[-1].id, walk.oldest)):
        return walk
    return replace(walk, oldest=items[-1].id, oldest_at=items[-1].created_at)
