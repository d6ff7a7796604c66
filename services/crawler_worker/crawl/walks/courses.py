"""The plan of a walk, which reads a listing page by page. The plan sets where a walk may stop."""

from __future__ import annotations

from dataclasses import dataclass

from crawler_worker.crawl.crawl_context import CrawlContext
from crawljobs.domain.coverage import ListingName
from crawljobs.domain.missing_part import PartKind

# The number of distinct items after which a walk stops. A listing of Reddit has about half of this
# number.
ITEMS_MAX = 2_000

_KINDS = {ListingName.POSTS: PartKind.POSTS, ListingName.COMMENTS: PartKind.COMMENTS}


@dataclass(frozen=True, slots=True)
class Course:
    """The plan of a walk: its listing, and the item at which it may stop.

    - `mark`: the item at which the walk stops, usually the high-water mark of earlier crawls.
    - `is_short`: `mark` is not the high-water mark but a newer item. It is the newest item of an
      earlier walk that failed after its first pages.
    - `is_whole`: the walk does not stop at `mark`.
    - `by_age`: the listing is sorted by age. In another order, the crawl cannot detect that Reddit
      omits older items.
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

    If an earlier crawl gave up a page of the listing, the next try of this page has a due time:

    - Before the due time, the walk stops at the newest item of the earlier crawl, and the
      high-water mark does not move.
    - After the due time, or if the whole listing must be read, the walk does not stop at the newest
      item of the earlier crawl.
    """
    whole = context.checkpoint.whole
    known = context.parts.get(_KINDS[listing])
    if known is None or known.seen_to is None or whole or known.is_due(context.now()):
        return Course(listing, mark, is_whole=whole)
    return Course(listing, known.seen_to, is_short=True)
