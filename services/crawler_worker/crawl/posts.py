"""Second phase: the subreddit's posts, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from crawler_worker.crawl import listing
from crawler_worker.crawl.session import Session
from crawler_worker.reddit import endpoints
from crawler_worker.reddit.client import RedditClient
from crawljobs.domain import reddit_items
from crawljobs.domain.reddit_items import Page, Post
from crawljobs.repository import crawled_posts

# One request a tree is dear, and the newest comments come by the hundred in the next phase.
TREES_MAX = 25


def crawl(session: Session) -> None:
    settings = session.settings
    by_age = settings.posts_sort == "new"  # only new is sorted so, and can have a mark
    mark = session.marks.post if by_age else None
    listing.resume(session, restarted=replace(session.at, posts=0))
    while True:
        page, is_lost = listing.next_page(session, lambda client, at: _ask(session, client, at))
        posts = page.items.posts
        seen = session.at.posts + len(posts)
        then = listing.after_page(
            session,
            page,
            names=[f"t3_{post.id}" for post in posts],
            seen=seen,
            mark=mark,
            is_lost=is_lost,
        )
        is_over = then.cursor is None or seen >= settings.max_posts_per_sub
        cut_here = is_over and then.cursor is not None and then.older_in_a_row == 0
        newest = reddit_items.newest(session.at.newest_post, *(post.id for post in posts))
        then = replace(
            then,
            posts=seen,
            gap=then.gap or (cut_here and mark is not None),
            busiest=_busiest(session, session.at.busiest, posts),
            newest_post=newest if by_age else None,
        )
        session.store(then.enter("comments") if is_over else then, page.items)
        if is_over:
            return


def _ask(session: Session, client: RedditClient, after: str | None) -> Page:
    settings = session.settings
    return endpoints.posts(
        client,
        name=session.claim.subreddit,
        sort=settings.posts_sort,
        time_filter=settings.posts_time_filter,
        after=after,
        limit=max(1, settings.max_posts_per_sub - session.at.posts),
        stop=session.stop,
    )


def _busiest(
    session: Session, known: Iterable[tuple[str, int]], posts: Iterable[Post]
) -> tuple[tuple[str, int], ...]:
    """The posts with most comments among those whose number changed since they were stored."""
    shown = {post.id: post.num_comments for post in posts if post.num_comments}
    stored = session.read(lambda conn: crawled_posts.comment_counts(conn, post_ids=list(shown)))
    changed = {
        post_id: count
        for post_id, count in shown.items()
        if count is not None and stored.get(post_id) != count
    }
    ranked = sorted({**dict(known), **changed}.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(ranked[:TREES_MAX])
