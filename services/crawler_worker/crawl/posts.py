"""Second phase: the subreddit's posts, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from crawler_worker.crawl import listing
from crawler_worker.crawl.session import Session
from crawler_worker.reddit import endpoints
from crawljobs.domain import reddit_items
from crawljobs.domain.reddit_items import Post
from crawljobs.repository import crawled_posts
from crawljobs.repository.subreddits import Marks

# One request a tree is dear, and the newest comments come by the hundred in the next phase.
TREES_MAX = 25


def crawl(session: Session, *, marks: Marks) -> None:
    settings = session.settings
    mark = marks.post if settings.posts_sort == "new" else None  # only new is sorted by age
    listing.resume(session, restarted=replace(session.at, posts=0))
    while True:
        at = session.at
        page = session.ask(
            lambda client: endpoints.posts(
                client,
                name=session.claim.subreddit,
                sort=settings.posts_sort,
                time_filter=settings.posts_time_filter,
                after=session.at.cursor,
                limit=max(1, settings.max_posts_per_sub - session.at.posts),
                stop=session.stop,
            )
        )
        posts = page.items.posts
        ids = [post.id for post in posts]
        then = listing.after_page(session, page, ids=ids, mark=mark)
        then = replace(
            then,
            posts=at.posts + len(posts),
            busiest=_busiest(session, at.busiest, posts),
            newest_post=reddit_items.newest(at.newest_post, *ids)
            if settings.posts_sort == "new"
            else None,
        )
        is_over = then.cursor is None or then.posts >= settings.max_posts_per_sub
        session.store(then.enter("comments") if is_over else then, page.items)
        if is_over:
            return


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
