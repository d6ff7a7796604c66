"""How much of a community is stored: the oldest item, the gaps and the ends of walks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ListingName(StrEnum):
    POSTS = "posts"
    COMMENTS = "comments"


class WalkEnd(StrEnum):
    """Why a walk of a listing ended."""

    MARK = "mark"  # it reached an item that the last crawl has seen
    # The listing ended below Reddit's cap, and no older item is stored.
    FIRST_ITEM = "first_item"
    CAP = "cap"  # the listing ended at Reddit's cap, after about 1,000 items
    LIMIT = "limit"  # it reached MAX_POSTS_PER_SUB, or the item limit of a walk
    LOST = "lost"  # every cursor item was deleted, or the listing left out existing items
    LOOP = "loop"  # a page held only items that the walk had seen


@dataclass(frozen=True, slots=True)
class Gap:
    """A range of a listing between two seen items, in which items were not seen.

    `from_item` is the older end: the newest item of the previous crawl. `to_item` is the newer
    end: the oldest item of this walk. Both are base-36 ids.
    """

    listing: ListingName
    from_item: str
    to_item: str
    to_at: datetime


# With these ends the walk has passed every item that the listing shows.
_WHOLE = frozenset({WalkEnd.FIRST_ITEM, WalkEnd.CAP, WalkEnd.LIMIT})


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk of one listing from its newest item; `end` is None until the walk ends."""

    oldest: str | None = None
    oldest_at: datetime | None = None
    end: WalkEnd | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the walk has passed every item that the listing shows."""
        return self.end in _WHOLE

    @property
    def is_complete(self) -> bool:
        """Whether the walk has seen every item newer than its oldest item."""
        return self.is_whole or self.end is WalkEnd.MARK

    @property
    def covers_all(self) -> bool:
        """Whether the listing has shown every item that exists."""
        return self.end is WalkEnd.FIRST_ITEM
