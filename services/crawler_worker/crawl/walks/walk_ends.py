"""The end of a walk: whether the listing is to be believed, and the part or gap that is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.crawl.walks import left_out, listing_walk
from crawler_worker.crawl.walks.listing_walk import Course, Step
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import Gap, ListingName, Walk, WalkEnd
from crawljobs.domain.missing_part import PartReason
from crawljobs.domain.reddit_items import Page

# Where a walk that did not meet the mark of the last crawl has left something out.
_CUT = frozenset({WalkEnd.CAP, WalkEnd.LIMIT, WalkEnd.LOST, WalkEnd.LOOP})
# Ends at which Reddit does not show what it has: the listing is asked for again.
_BROKEN: dict[WalkEnd | None, str] = {
    WalkEnd.LOST: "the listing ended before items that it has shown earlier",
    WalkEnd.LOOP: "the listing leads back to pages that it has shown",
}


def next_step(
    context: CrawlContext,
    course: Course,
    fetch: listing_walk.FetchPage,
    so_far: tuple[Walk, int],
    *,
    is_required: bool,
) -> tuple[Page, Step]:
    """The next page of a walk, and the step behind it.

    `so_far` is the walk before this page, and the number of its distinct items. A page that ends
    the listing before items that it has shown earlier is asked for a second time. Raises GivenUp
    for a page that is not required.
    """

    def step_of() -> tuple[Page, Step]:
        page, is_lost = listing_walk.next_page(context, course, fetch, is_required=is_required)
        is_posts = course.listing is ListingName.POSTS
        items = page.items.posts if is_posts else page.items.comments
        return page, listing_walk.after_page(context, page, items, course, so_far, is_lost=is_lost)

    page, step = step_of()
    left = _left_out(context, course, step)
    if left and _is_doubtful(course, step):
        page, step = step_of()
        left = _left_out(context, course, step)
    return page, _believed(context, course, step, left) if left else step


def _left_out(context: CrawlContext, course: Course, step: Step) -> list[str]:
    """Stored items below the place where the listing ended, as if that were its first item."""
    if step.walk.end is not WalkEnd.FIRST_ITEM or not course.by_age:
        return []
    return left_out.stored_below(context, course.listing, step.walk, step.at)


def _is_doubtful(course: Course, step: Step) -> bool:
    """Whether the end is worth a request: a walk that met the mark has seen all that is new."""
    is_capped = step.seen >= reddit_items.LISTING_CAP_WITH_REMOVED
    return not is_capped and (course.is_whole or not step.at.older_in_a_row)


def _believed(context: CrawlContext, course: Course, step: Step, left: Sequence[str]) -> Step:
    """The step with the end that its listing came to, which has left out these items."""
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
    """Store the last page of a walk; `mark` is that of the last crawl.

    A walk that broke off, or stopped where an earlier one broke off, has not seen what lies below:
    then the next one looks there, and the mark does not move.
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
    """The newest item that the walk has seen, and the checkpoint that does not make it the mark."""
    if name is ListingName.POSTS:
        return then.newest_post, replace(then, newest_post=None)
    return then.newest_comment, replace(then, newest_comment=None)


def _with_gap(then: Checkpoint, name: ListingName, walk: Walk, mark: str | None) -> Checkpoint:
    """The checkpoint, with the gap that a walk leaves which has not come to the mark."""
    if walk.end not in _CUT or mark is None:
        return then
    if walk.oldest is None or walk.oldest_at is None:
        return replace(then, gap=True)  # nothing was shown: the gap has no newer end
    if not reddit_items.is_newer(walk.oldest, mark):
        return then
    gap = Gap(name, from_item=mark, to_item=walk.oldest, to_at=walk.oldest_at)
    return replace(then, gap=True, gaps=(*then.gaps, gap))
