"""Finds items that a listing returned to an earlier crawl, but does not return now.

Sometimes Reddit returns only the start of a listing, without a cursor for the rest. The reply is
the same if all older items were deleted. So the crawl requests stored items by their full names to
decide between these two cases.
"""

from __future__ import annotations

from collections.abc import Sequence

from crawler_worker.crawl.allowance import AllowanceSpent
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.seen_ids import Seen
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.reddit import endpoints
from crawler_worker.reddit.requester import Requester
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import ListingName, Walk
from crawljobs.domain.missing_part import PartKind
from crawljobs.domain.reddit_items import Comment, Items, Post
from crawljobs.repository.content import covered_items

ASKED_MAX = 100  # Reddit's maximum number of names in one request


def stored_below(
    context: CrawlContext, listing: ListingName, walk: Walk, at: Checkpoint
) -> list[str]:
    """Return the ids of stored items that an earlier walk read and this walk did not reach.

    These items are older than the oldest item of this walk. The id of the newest item is first.
    Items that are known as removed or deleted are left out.
    """
    seen = Seen(at.seen)
    found = context.read(
        lambda conn: covered_items.stored_below(
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
    """Request these items. Return False only if Reddit's reply shows that all of them are gone."""
    prefix = "t3_" if kind is PartKind.POSTS else "t1_"

    def call(requester: Requester) -> Items:
        names = [f"{prefix}{item_id}" for item_id in ids]
        return endpoints.info(requester, names=names)

    try:
        items = parts.request(context, kind, "", call)
    except (parts.GivenUp, AllowanceSpent):
        return True
    named: list[Post | Comment] = [*items.posts, *items.comments]
    requested = set(ids)
    found = [item for item in named if item.id in requested]
    if not found:  # Reddit returns deleted items too, so an empty reply proves no deletion
        return True
    # Stores which items are deleted, so that the next crawl does not request these items again.
    context.store(context.checkpoint, items)
    return any(not item.deleted and item.removed_by_category is None for item in found)
