"""The plan of a walk, which reads a listing page by page. The plan says where a walk may stop."""

from __future__ import annotations

from dataclasses import dataclass

from crawler_worker.crawl.crawl_context import CrawlContext
from crawljobs.domain.coverage import ListingName
from crawljobs.domain.missing_part import PartKind

# A walk stops after this many distinct items. Reddit's listings have about half as many items.
ITEMS_MAX = 2_000

_KINDS = {ListingName.POSTS: PartKind.POSTS, ListingName.COMMENTS: PartKind.COMMENTS}


@dataclass(frozen=True, slots=True)
class Course:
    """The plan of a walk: its listing, and the item at which it may stop.

    `mark` is the high-water mark: earlier crawls have seen all items older than the mark. With
    `is_whole`, the walk does not stop at the mark. With `is_short`, `mark` is another item: the
    newest item of an earlier walk that failed after its first pages. A walk that stops at this item
    does not reach the high-water mark. `by_age` means that the listing is sorted by age. In a
    listing with another order, the crawl cannot detect that Reddit omits older items.
    """

    listing: ListingName
    mark: str | None
    by_age: bool = True
    is_short: bool = False
    is_whole: bool = False
    items_max: int = ITEMS_MAX

    @property
    def kind(self) -> PartKind:
        return _KINDS[self.listing]


def course_of(context: CrawlContext, listing: ListingName, mark: str | None) -> Course:
    """Return the plan for a walk of this listing.

    If an earlier crawl gave up a page, the walk stops at the newest item that the earlier crawl had
    seen. Then the high-water mark does not move. The walk does not stop there if the next try of
    the page is due, or if the walk must read the whole listing.
    """
    whole = context.checkpoint.whole
    known = context.parts.get(_KINDS[listing])
    if known is None or known.seen_to is None or whole or known.is_due(context.now()):
        return Course(listing, mark, is_whole=whole)
    return Course(listing, known.seen_to, is_short=True)
