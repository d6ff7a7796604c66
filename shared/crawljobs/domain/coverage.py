"""How much of a community is stored: how far back, what lies between, which trees are whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ListingName(StrEnum):
    POSTS = "posts"
    COMMENTS = "comments"


class WalkEnd(StrEnum):
    """Why a walk of a listing ended."""

    MARK = "mark"  # it met what the last crawl has seen
    # The listing ended, showed fewer items than a listing can, and nothing older is stored.
    FIRST_ITEM = "first_item"
    CAP = "cap"  # the listing ended where every listing ends, after about 1,000 items
    LIMIT = "limit"  # MAX_POSTS_PER_SUB, or the most items that a walk takes
    LOST = "lost"  # every cursor was deleted, or the listing left out items that exist
    LOOP = "loop"  # a page brought only items that the walk had seen


@dataclass(frozen=True, slots=True)
class Gap:
    """Items of a listing that were not seen, between two that were.

    `from_item` is the older end: the newest item of the crawl before. `to_item` is the newer end:
    the oldest item of this walk. Both are base-36 ids.
    """

    listing: ListingName
    from_item: str
    to_item: str
    to_at: datetime


# Then the walk has passed every item that the listing shows.
_WHOLE = frozenset({WalkEnd.FIRST_ITEM, WalkEnd.CAP, WalkEnd.LIMIT})


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk of one listing from its newest item; `end` is None while it goes on."""

    oldest: str | None = None
    oldest_at: datetime | None = None
    end: WalkEnd | None = None

    @property
    def is_whole(self) -> bool:
        return self.end in _WHOLE

    @property
    def is_complete(self) -> bool:
        """Whether the walk has seen all that is newer than its oldest item."""
        return self.is_whole or self.end is WalkEnd.MARK

    @property
    def covers_all(self) -> bool:
        """Whether the listing has shown every item that exists."""
        return self.end is WalkEnd.FIRST_ITEM
