"""How much of a subreddit is stored: the oldest item, the gaps and the ends of walks.

A walk is the requests of a crawl for the pages of one listing. A gap is a range of a listing that
no crawl has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ListingName(StrEnum):
    POSTS = "posts"
    COMMENTS = "comments"


class WalkEnd(StrEnum):
    """The reason why a crawl stopped reading a listing page by page."""

    MARK = "mark"  # the walk reached items that an earlier crawl has seen
    # FIRST_ITEM: the listing ended before Reddit's limit of about 1,000 items, and no older item is
    # stored.
    FIRST_ITEM = "first_item"
    CAP = "cap"  # the listing ended at Reddit's limit of about 1,000 items
    LIMIT = "limit"  # the walk has read as many items as the settings allow
    # LOST: the listing left out items that exist, or all items that the walk used as cursors were
    # deleted, so that the walk cannot continue.
    LOST = "lost"
    LOOP = "loop"  # the listing led back to pages that the walk had read


@dataclass(frozen=True, slots=True)
class Gap:
    """A range of a listing that no crawl has seen.

    - `from_item`: the older end, the newest item that earlier crawls had seen.
    - `to_item`: the newer end, the oldest item that the next crawl saw.

    Both fields are base-36 ids.
    """

    listing: ListingName
    from_item: str
    to_item: str
    to_at: datetime


# A walk that ended for one of these reasons has read the listing to its end, or to the limit of the
# settings.
_WHOLE = frozenset({WalkEnd.FIRST_ITEM, WalkEnd.CAP, WalkEnd.LIMIT})


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk. It starts at the listing's newest item. `end` is None until the walk ends."""

    oldest: str | None = None
    oldest_at: datetime | None = None
    end: WalkEnd | None = None

    @property
    def is_whole(self) -> bool:
        """Return whether the walk reached the listing's end or the item limit of the settings."""
        return self.end in _WHOLE

    @property
    def is_complete(self) -> bool:
        """Return whether the walk has seen every listed item that is newer than `oldest`."""
        return self.is_whole or self.end is WalkEnd.MARK

    @property
    def covers_all(self) -> bool:
        """Return whether the listing has shown every existing item of the subreddit."""
        return self.end is WalkEnd.FIRST_ITEM
