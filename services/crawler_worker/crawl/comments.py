"""Third phase: the subreddit's newest comments, a hundred a request, whatever their posts."""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl.checkpoints.checkpoint import NOT_WALKED
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.crawl.walks import listing_walk, walk_ends
from crawler_worker.reddit import endpoints
from crawler_worker.reddit.client import RedditClient
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import ListingName
from crawljobs.domain.missing_part import PartKind
from crawljobs.domain.reddit_items import Page


def crawl(session: CrawlContext) -> None:
    listing_walk.resume(
        session, restarted=replace(session.at, comments=0, comments_walk=NOT_WALKED)
    )
    mark = session.marks.comment
    if _is_broken_off(session):
        session.at = session.at.enter("trees")
        return
    while True:
        at = session.at
        course = listing_walk.course_of(session, ListingName.COMMENTS, mark)
        try:
            so_far = (at.comments_walk, at.comments)
            page, step = walk_ends.next_step(
                session, course, _call(session), so_far, is_required=False
            )
        except parts.GivenUp as given_up:
            # Below this page nothing was seen: the mark stays where it is.
            part = replace(given_up.part, seen_to=at.newest_comment)
            session.give_up(replace(at.enter("trees"), newest_comment=None), part)
            return
        comments = page.items.comments
        then = replace(
            step.at,
            comments=step.seen,
            comments_walk=step.walk,
            newest_comment=reddit_items.newest(
                at.newest_comment, *(comment.id for comment in comments)
            ),
        )
        if step.walk.end is None:
            session.store(then, page.items)
            continue
        walk_ends.finish(session, then.enter("trees"), page, course, walk=step.walk, mark=mark)
        return


def _is_broken_off(session: CrawlContext) -> bool:
    """Whether not even the first page came lately: then the listing is left out until it is due."""
    known = session.parts.get(PartKind.COMMENTS)
    is_at_start = session.at.page == 0 and not session.at.whole
    return (
        known is not None
        and is_at_start
        and known.seen_to is None
        and not known.is_due(session.now())
    )


def _call(session: CrawlContext) -> listing_walk.Ask:
    def call(client: RedditClient, after: str | None) -> Page:
        return endpoints.comments(
            client, name=session.claim.subreddit, after=after, stop=session.stop
        )

    return call
