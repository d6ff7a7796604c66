"""Third phase of a crawl: store the newest comments on all posts, 100 comments in one request."""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl.checkpoints.checkpoint import NOT_WALKED
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.crawl.walks import courses, listing_walk, marks, walk_ends
from crawler_worker.reddit import endpoints
from crawler_worker.reddit.requester import Requester
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import ListingName
from crawljobs.domain.missing_part import PartKind
from crawljobs.domain.reddit_items import Page


def crawl(context: CrawlContext) -> None:
    """Read the listing of comments page by page, store each page, and move on to the trees."""
    listing_walk.resume(
        context, restarted=replace(context.checkpoint, comments=0, comments_walk=NOT_WALKED)
    )
    mark = context.marks.comment
    if _is_broken_off(context):
        context.move_to(context.checkpoint.enter("trees"))
        return
    while True:
        at = context.checkpoint
        course = courses.course_of(context, ListingName.COMMENTS, mark)
        try:
            so_far = (at.comments_walk, at.comments)
            page, step = walk_ends.next_step(
                context, course, _call(context), so_far, is_required=False
            )
        except parts.GivenUp as given_up:
            # The crawl has not read the older comments, so the high-water mark must not move. The
            # id of the newest comment is stored only in the row of the missing part (`seen_to`).
            part = replace(given_up.part, seen_to=at.newest_comment)
            context.give_up(replace(at.enter("trees"), newest_comment=None), part)
            return
        comments = page.items.comments
        then = replace(
            step.checkpoint,
            comments=step.seen,
            comments_walk=step.walk,
            newest_comment=reddit_items.newest(
                at.newest_comment, marks.newest(comments, now=context.now())
            ),
        )
        if step.walk.end is None:
            context.store(then, page.items)
            continue
        walk_ends.finish(context, then.enter("trees"), page, course, walk=step.walk, mark=mark)
        return


def _is_broken_off(context: CrawlContext) -> bool:
    """Return whether this crawl must skip the listing of the newest comments.

    An earlier crawl failed at the first page, and the next try of this page is not due yet.
    """
    known = context.parts.get(PartKind.COMMENTS)
    is_at_start = context.checkpoint.page == 0 and not context.checkpoint.whole
    return (
        known is not None
        and is_at_start
        and known.seen_to is None
        and not known.is_due(context.now())
    )


def _call(context: CrawlContext) -> listing_walk.FetchPage:
    def call(requester: Requester, after: str | None) -> Page:
        return endpoints.comments(requester, name=context.claim.subreddit, after=after)

    return call
