"""Second phase of a crawl: store the posts of the subreddit, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from crawler_worker.crawl import opening, trees
from crawler_worker.crawl.checkpoints.checkpoint import NOT_WALKED
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.crawl.walks import courses, listing_walk, marks, walk_ends, whole_walks
from crawler_worker.reddit import endpoints
from crawler_worker.reddit.requester import Requester
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import ListingName
from crawljobs.domain.missing_part import OF_A_TREE
from crawljobs.domain.reddit_items import Page, Post
from crawljobs.repository.content import crawled_trees


def crawl(context: CrawlContext) -> None:
    """Read the listing of posts page by page, store each page, and move on to the comments."""
    settings = context.settings
    # Only the listing "new" has a high-water mark, because only this listing is sorted by age.
    by_age = settings.posts_sort == "new"
    mark = context.marks.post if by_age else None
    listing_walk.resume(
        context, restarted=replace(context.checkpoint, posts=0, posts_walk=NOT_WALKED)
    )
    whole_walks.choose(context)
    while True:
        at = context.checkpoint
        course = courses.course_of(context, ListingName.POSTS, mark)
        course = replace(course, items_max=settings.max_posts_per_sub, by_age=by_age)
        try:
            page, step = walk_ends.next_step(
                context, course, _call(context), (at.posts_walk, at.posts), is_required=not at.page
            )
        except parts.GivenUp as given_up:
            # The crawl has not read the older posts, so the high-water mark must not move. The
            # id of the newest post is stored only in the row of the missing part (`seen_to`).
            part = replace(given_up.part, seen_to=at.newest_post)
            context.give_up(replace(at.enter("comments"), newest_post=None), part)
            return
        if not at.page:
            opening.record(context)
            at = context.checkpoint
        posts = page.items.posts
        newest = reddit_items.newest(at.newest_post, marks.newest(posts, now=context.now()))
        then = replace(
            step.checkpoint,
            posts=step.seen,
            posts_walk=step.walk if by_age else NOT_WALKED,
            busiest=_busiest(context, at.busiest, posts),
            newest_post=newest if by_age else None,
        )
        if step.walk.end is None:
            context.store(then, page.items)
            continue
        walk_ends.finish(context, then.enter("comments"), page, course, walk=step.walk, mark=mark)
        return


def _call(context: CrawlContext) -> listing_walk.FetchPage:
    settings, seen = context.settings, context.checkpoint.posts

    def call(requester: Requester, after: str | None) -> Page:
        return endpoints.posts(
            requester,
            name=context.claim.subreddit,
            sort=settings.posts_sort,
            time_filter=settings.posts_time_filter,
            after=after,
            limit=max(1, settings.max_posts_per_sub - seen),
        )

    return call


def _busiest(
    context: CrawlContext, known: Iterable[tuple[str, int]], posts: Iterable[Post]
) -> tuple[tuple[str, int], ...]:
    """Return the posts with the most comments, at most trees.MOST.

    The candidates are `known`, and the `posts` with comments that are not stored yet. Each post is
    returned as a pair: its id, and its number of comments in the listing.
    """
    not_due = context.parts.not_due(*OF_A_TREE, now=context.now())
    shown = {
        post.id: post.num_comments for post in posts if post.num_comments and post.id not in not_due
    }
    at_most = context.settings.max_comments_per_post
    wanting = context.read(lambda conn: crawled_trees.wanting(conn, shown=shown, at_most=at_most))
    found = {**dict(known), **{post_id: shown[post_id] for post_id in wanting}}
    ranked = sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(ranked[: trees.MOST])
