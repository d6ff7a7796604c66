"""Second phase: the subreddit's posts, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from crawler_worker.crawl import opening, trees
from crawler_worker.crawl.checkpoints.checkpoint import NOT_WALKED
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.crawl.walks import listing_walk, walk_ends, whole_walks
from crawler_worker.reddit import endpoints
from crawler_worker.reddit.client import RedditClient
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import ListingName
from crawljobs.domain.missing_part import OF_A_TREE
from crawljobs.domain.reddit_items import Page, Post
from crawljobs.repository.content import crawled_trees


def crawl(session: CrawlContext) -> None:
    settings = session.settings
    by_age = settings.posts_sort == "new"  # only new is sorted so, and can have a mark
    mark = session.marks.post if by_age else None
    listing_walk.resume(session, restarted=replace(session.at, posts=0, posts_walk=NOT_WALKED))
    whole_walks.choose(session)
    while True:
        at = session.at
        course = listing_walk.course_of(session, ListingName.POSTS, mark)
        course = replace(course, items_max=settings.max_posts_per_sub, by_age=by_age)
        try:
            page, step = walk_ends.next_step(
                session, course, _call(session), (at.posts_walk, at.posts), is_required=not at.page
            )
        except parts.GivenUp as given_up:
            # Below this page nothing was seen: the mark stays where it is.
            part = replace(given_up.part, seen_to=at.newest_post)
            session.give_up(replace(at.enter("comments"), newest_post=None), part)
            return
        if not at.page:
            opening.record(session)
            at = session.at
        posts = page.items.posts
        newest = reddit_items.newest(at.newest_post, *(post.id for post in posts))
        then = replace(
            step.at,
            posts=step.seen,
            posts_walk=step.walk if by_age else NOT_WALKED,
            busiest=_busiest(session, at.busiest, posts),
            newest_post=newest if by_age else None,
        )
        if step.walk.end is None:
            session.store(then, page.items)
            continue
        walk_ends.finish(session, then.enter("comments"), page, course, walk=step.walk, mark=mark)
        return


def _call(session: CrawlContext) -> listing_walk.Ask:
    settings, seen = session.settings, session.at.posts

    def call(client: RedditClient, after: str | None) -> Page:
        return endpoints.posts(
            client,
            name=session.claim.subreddit,
            sort=settings.posts_sort,
            time_filter=settings.posts_time_filter,
            after=after,
            limit=max(1, settings.max_posts_per_sub - seen),
            stop=session.stop,
        )

    return call


def _busiest(
    session: CrawlContext, known: Iterable[tuple[str, int]], posts: Iterable[Post]
) -> tuple[tuple[str, int], ...]:
    """The posts with most comments among those whose comments are not all stored."""
    not_due = session.parts.not_due(*OF_A_TREE, now=session.now())
    shown = {
        post.id: post.num_comments for post in posts if post.num_comments and post.id not in not_due
    }
    at_most = session.settings.max_comments_per_post
    wanting = session.read(lambda conn: crawled_trees.wanting(conn, shown=shown, at_most=at_most))
    found = {**dict(known), **{post_id: shown[post_id] for post_id in wanting}}
    ranked = sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(ranked[: trees.MOST])
