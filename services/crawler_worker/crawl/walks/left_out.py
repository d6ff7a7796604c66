"""Finds items that a listing has shown to an earlier crawl and leaves out now.

Reddit cuts a listing short now and then, without a cursor for the rest. It looks the same when all
older items were deleted, so those that are stored are asked for by their names.
"""

from __future__ import annotations

from collections.abc import Sequence

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.seen_ids import Seen
from crawler_worker.crawl.crawl_context import AllowanceSpent, CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.reddit import endpoints
from crawler_worker.reddit.client import RedditClient
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import ListingName, Walk
from crawljobs.domain.missing_part import PartKind
from crawljobs.domain.reddit_items import Comment, Items, Post
from crawljobs.repository.content import coverage

ASKED_MAX = 100  # names that one request may ask for


def stored_below(
    context: CrawlContext, listing: ListingName, walk: Walk, at: Checkpoint
) -> list[str]:
    """Ids of stored items that are older than this walk, and not older than an earlier one.

    The newest come first. Items that are known to be removed or deleted are left out.
    """
    seen = Seen(at.seen)
    found = context.read(
        lambda conn: coverage.stored_below(
            conn,
            subreddit_id=context.claim.subreddit_id,
            listing=listing,
            before=walk.oldest_at,
            at_most=ASKED_MAX,
        )
    )
    return [
        item_id
        for item_id in found
        if item_id not in seen
        and (walk.oldest is None or reddit_items.is_newer(walk.oldest, item_id))
    ]


def is_any_shown(context: CrawlContext, kind: PartKind, ids: Sequence[str]) -> bool:
    """Whether Reddit still shows one of these items to everybody; also when it does not say."""
    prefix = "t3_" if kind is PartKind.POSTS else "t1_"

    def call(client: RedditClient) -> Items:
        names = [f"{prefix}{item_id}" for item_id in ids]
        return endpoints.info(client, names=names, stop=context.stop)

    try:
        items = parts.request(context, kind, "", call)
    except (parts.GivenUp, AllowanceSpent):
        return True
    named: list[Post | Comment] = [*items.posts, *items.comments]
    asked = set(ids)
    found = [item for item in named if item.id in asked]
    if not found:  # a deleted item is named too: this says nothing
        return True
    context.store(context.checkpoint, items)  # the next crawl does not ask for them again
    return any(not item.deleted and item.removed_by_category is None for item in found)
