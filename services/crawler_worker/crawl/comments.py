"""Third phase: the subreddit's newest comments, a hundred a request, whatever their posts."""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl import listing
from crawler_worker.crawl.session import Session
from crawler_worker.reddit import endpoints
from crawler_worker.reddit.client import RedditClient
from crawljobs.domain import reddit_items
from crawljobs.domain.reddit_items import Page


def crawl(session: Session) -> None:
    listing.resume(session, restarted=replace(session.at, comments=0))
    while True:
        page, is_lost = listing.next_page(session, lambda client, at: _ask(session, client, at))
        ids = [comment.id for comment in page.items.comments]
        seen = session.at.comments + len(ids)
        then = replace(
            listing.after_page(
                session,
                page,
                names=[f"t1_{item_id}" for item_id in ids],
                seen=seen,
                mark=session.marks.comment,
                is_lost=is_lost,
            ),
            comments=seen,
            newest_comment=reddit_items.newest(session.at.newest_comment, *ids),
        )
        is_over = then.cursor is None
        session.store(then.enter("trees") if is_over else then, page.items)
        if is_over:
            return


def _ask(session: Session, client: RedditClient, after: str | None) -> Page:
    return endpoints.comments(client, name=session.claim.subreddit, after=after, stop=session.stop)
