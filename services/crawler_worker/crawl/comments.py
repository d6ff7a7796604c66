"""Third phase: the subreddit's newest comments, a hundred a request, whatever their posts."""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl import listing
from crawler_worker.crawl.session import Session
from crawler_worker.reddit import endpoints
from crawljobs.domain import reddit_items
from crawljobs.repository.subreddits import Marks


def crawl(session: Session, *, marks: Marks) -> None:
    listing.resume(session, restarted=replace(session.at, comments=0))
    while True:
        at = session.at
        page = session.ask(
            lambda client: endpoints.comments(
                client,
                name=session.claim.subreddit,
                after=session.at.cursor,
                stop=session.stop,
            )
        )
        ids = [comment.id for comment in page.items.comments]
        then = replace(
            listing.after_page(session, page, ids=ids, mark=marks.comment),
            comments=at.comments + len(ids),
            newest_comment=reddit_items.newest(at.newest_comment, *ids),
        )
        is_over = then.cursor is None
        session.store(then.enter("trees") if is_over else then, page.items)
        if is_over:
            return
