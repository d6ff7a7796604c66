"""The plan of a walk through a listing: where it may stop."""

from __future__ import annotations

from dataclasses import dataclass

from crawler_worker.crawl.crawl_context import CrawlContext
from crawljobs.domain.coverage import ListingName
from crawljobs.domain.missing_part import PartKind

# Distinct items after which a walk stops: twice the size of Reddit's listings.
ITEMS_MAX = 2_000

_KINDS = {ListingName.POSTS: PartKind.POSTS, ListingName.COMMENTS: PartKind.COMMENTS}


@dataclass(frozen=True, slots=True)
class Course:
    """The plan of a walk: its listing and the place where it may stop.

    `mark` is the newest item below which an earlier crawl has seen every item, or None. With
    `is_whole` the walk does not stop at the mark. With `is_short` `mark` is the newest item of a
    walk that failed below it, so this walk does not reach the mark of the last crawl.
    Only in a listing that is sorted `by_age` can omitted older items be detected.
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
    """The course of the walk of this listing.

    When an earlier crawl gave up a page, the walk stops at the newest item of that crawl, and the
    mark does not move. When the next try of the page is due, or the whole listing is walked, the
    walk requests the page again and continues to the mark.
    """
    whole = context.checkpoint.whole
    known = context.parts.get(_KINDS[listing])
    if known is None or known.seen_to is None or whole or known.is_due(context.now()):
        return Course(listing, mark, is_whole=whole)
    return Course(listing, known.seen_to, is_short=True)
