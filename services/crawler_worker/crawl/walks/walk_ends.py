"""Decides at the end of a walk whether items are missing. If so, records a missing part or a gap.

A walk reads a listing page by page, from the newest item to older items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.crawl.walks import left_out, listing_walk, walk_steps
from crawler_worker.crawl.walks.courses import Course
from crawler_worker.crawl.walks.walk_steps import Step
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import Gap, ListingName, Walk, WalkEnd
from crawljobs.domain.missing_part import PartReason
from crawljobs.domain.reddit_items import Page

# If a walk ended for one of these reasons before it reached the high-water mark of earlier crawls,
# items are missing.
_CUT = frozenset({WalkEnd.CAP, WalkEnd.LIMIT, WalkEnd.LOST, WalkEnd.LOOP})
# After a walk that ended for one of these reasons, a later crawl reads the listing again, because
# Reddit has not returned all items. The message is stored with the missing part.
_BROKEN: dict[WalkEnd | None, str] = {
    WalkEnd.LOST: "the listing ended before items that it returned earlier",
    WalkEnd.LOOP: "the listing leads back to pages that it has returned",
}


def next_step(
    context: CrawlContext,
    course: Course,
    fetch: listing_walk.FetchPage,
    so_far: tuple[Walk, int],
    *,
    is_required: bool,
) -> tuple[Page, Step]:
    """Request the next page of a walk. Return the page, and the state of the walk after the page.

    `so_far` is a pair: the walk before this page, and the number of its distinct items. If the
    listing ends before items that earlier crawls received, the page is requested again. Raises
    GivenUp if Reddit returns no usable reply for a page that is not required.
    """

    def step_of() -> tuple[Page, Step]:
        page, is_lost = listing_walk.next_page(context, course, fetch, is_required=is_required)
        is_posts = course.listing is ListingName.POSTS
        items = page.items.posts if is_posts else page.items.comments
        return page, walk_steps.after_page(context, page, items, course, so_far, is_lost=is_lost)

    page, step = step_of()
    left = _left_out(context, course, step)
    if left and _is_doubtful(course, step):
        page, step = step_of()
        left = _left_out(context, course, step)
    return page, _believed(context, course, step, left) if left else step


def _left_out(context: CrawlContext, course: Course, step: Step) -> list[str]:
    """If the listing ends at this page, return the ids of stored items that the listing left out.

    The items are older than all items of the walk, so Reddit may have ended the listing early. If
    the listing has further pages, or is not sorted by age, return no ids.
    """
    if step.walk.end is not WalkEnd.FIRST_ITEM or not course.by_age:
        return []
    return left_out.stored_below(context, course.listing, step.walk, step.checkpoint)


def _is_doubtful(course: Course, step: Step) -> bool:
    """Return whether a second request must check that the listing ends here.

    - If the walk has reached Reddit's limit of items in a listing: no.
    - If the walk reads the whole listing: yes.
    - Otherwise: yes, if the last item of the walk is newer than the mark.
    """
    is_capped = step.seen >= reddit_items.LISTING_CAP_WITH_REMOVED
    return not is_capped and (course.is_whole or not step.checkpoint.older_in_a_row)


def _believed(context: CrawlContext, course: Course, step: Step, left: Sequence[str]) -> Step:
    """Return the step, with a corrected reason for the end of its walk if FIRST_ITEM is wrong.
    `left`: the ids of stored, older items that the listing did not return."""
    if step.seen >= reddit_items.LISTING_CAP_WITH_REMOVED:
        end = WalkEnd.CAP
    elif not _is_doubtful(course, step):
        end = WalkEnd.MARK
    elif left_out.is_any_shown(context, course.kind, left):
        end = WalkEnd.LOST
    else:
        return step
    return replace(step, walk=replace(step.walk, end=end))


def finish(
    context: CrawlContext,
    then: Checkpoint,
    page: Page,
    course: Course,
    *,
    walk: Walk,
    mark: str | None,
) -> None:
    """Store the final page of a walk. `mark` is the high-water mark of earlier crawls.

    In two cases the mark does not move, because a later walk must read items that may be unseen:

    - The walk failed.
    - The walk stopped at an item that an earlier, failed walk had read.
    """
    then = _with_gap(then, course.listing, walk, mark)
    known = context.parts.get(course.kind)
    message = _BROKEN.get(walk.end)
    if message is not None:
        item = context.checkpoint.cursor or ""
        part = parts.missing(context, course.kind, item, PartReason.TROUBLE, message)
        seen_to, then = _without_mark(then, course.listing)
        context.give_up(then, replace(part, seen_to=seen_to), items=page.items)
    elif known is None or walk.is_whole or not course.is_short:
        context.store(then, page.items, settled=[(course.kind, "")])
    else:
        seen_to, then = _without_mark(then, course.listing)
        context.store(then, page.items, kept=replace(known, seen_to=seen_to))


def _without_mark(then: Checkpoint, name: ListingName) -> tuple[str | None, Checkpoint]:
    """Return the newest item of the walk, and the checkpoint without this item. Without the item in
    the checkpoint, the high-water mark does not move."""
    if name is ListingName.POSTS:
        return then.newest_post, replace(then, newest_post=None)
    return then.newest_comment, replace(then, newest_comment=None)


def _with_gap(then: Checkpoint, name: ListingName, walk: Walk, mark: str | None) -> Checkpoint:
    """Return the checkpoint, with a gap if the walk ended before it reached the mark."""
    if walk.end not in _CUT or mark is None:
        return then
    if walk.oldest is None or walk.oldest_at is None:
        return replace(then, gap=True)  # the walk saw no item, so the gap's newer end is unknown
    if not reddit_items.is_newer(walk.oldest, mark):
        return then
    gap = Gap(name, from_item=mark, to_item=walk.oldest, to_at=walk.oldest_at)
    return replace(then, gap=True, gaps=(*then.gaps, gap))
