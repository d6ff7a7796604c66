"""Parts that a crawl gave up: which parts, why, and when to request them again.

A part is an optional request of a crawl, such as the request for the comments of one post.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

# The longest delay before a part is requested again. Each failure doubles the delay up to this
# limit. So a part that always fails is requested only twice a month.
LONGEST_LOOK = timedelta(days=14)
# The longest delay before a page of a listing is requested again. It is shorter than LONGEST_LOOK,
# because new items push old items out of a listing. After 14 days, the listing might no longer show
# the missing items.
LONGEST_LOOK_AT_LISTING = timedelta(days=1)
# If the settings exclude a due part from a crawl, the part is due again after this delay.
POSTPONED = LONGEST_LOOK
# If `next_look_at` is more than FURTHEST_LOOK in the future, this time was written before the
# database's clock was set back. Then the part is due at once.
FURTHEST_LOOK = LONGEST_LOOK + timedelta(minutes=1)

LISTED_MAX = 50  # a job's details list at most this number of parts, but count all parts
STORED_MAX = 500  # limit of parts stored for one subreddit; the parts with the latest failures stay
ITEM_MAX = 100  # the largest number of characters of `item`


class PartKind(StrEnum):
    """The optional parts of a crawl."""

    POSTS = "posts"  # a page of posts after the first page; `item`: the cursor of the page
    # A page of the newest comments. `item`: the cursor of the page, empty for the first page.
    COMMENTS = "comments"
    TREE = "tree"  # the comments of a post; `item`: the id of the post
    MORE_CHILDREN = "more_children"  # comments that a tree left out; `item`: the id of the post
    THREAD = "thread"  # the replies below a comment; `item`: the id of the post
    HISTORY = "history"  # an author's newest posts and comments; `item`: the author's name
    NAMES = "names"  # the check whether names in texts are subreddits; `item`: empty


class PartReason(StrEnum):
    """Why a crawl gave up a part."""

    REFUSED = "refused"  # 400 and similar statuses: Reddit does not accept the request
    TROUBLE = "trouble"  # status 5xx, no reply, or a reply that is not the expected JSON
    TOO_LARGE = "too_large"  # Reddit refuses even a request for a single item as too large
    UNAVAILABLE = "unavailable"  # Reddit does not show this part
    ALLOWANCE = "allowance"  # the crawl had already sent all requests that it may send


# The requests for a post's tree of comments. If one of them fails, a later crawl requests the whole
# tree again.
OF_A_TREE = (PartKind.TREE, PartKind.MORE_CHILDREN, PartKind.THREAD)
LISTINGS = (PartKind.POSTS, PartKind.COMMENTS)


@dataclass(frozen=True, slots=True)
class MissingPart:
    """A part that the last crawl gave up.

    - `failures`: the number of crawls in a row that gave up the part.
    - `seen_to`: only for a page of a listing: the base-36 id of the newest item that the crawl read
      from the listing. All items between this item and the missing page are stored.
    """

    kind: PartKind
    item: str
    reason: PartReason
    message: str
    failures: int
    next_look_at: datetime
    seen_to: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Return whether a crawl requests the part now.

        A part that failed only once is always due.
        """
        # A time beyond FURTHEST_LOOK was stored before the clock was set back: treat it as past.
        is_time = self.next_look_at <= now or self.next_look_at > now + FURTHEST_LOOK
        return self.failures <= 1 or is_time


def next_try_delay(kind: PartKind, failures: int, *, first: timedelta) -> timedelta:
    """Return the delay before the next request, after this number of failures in a row.

    `first` is the delay after the first failure.
    """
    longest = LONGEST_LOOK_AT_LISTING if kind in LISTINGS else LONGEST_LOOK
    factor: int = 2 ** min(max(0, failures - 1), 16)
    return min(first * factor, longest)


def of_json(rows: Sequence[Any] | None) -> list[MissingPart]:
    """Return the parts that a decoded JSON array describes, one object for each part.

    Objects with a kind or a reason that this release does not know are skipped.
    """
    return [
        MissingPart(
            kind=PartKind(row["kind"]),
            item=row["item"],
            reason=PartReason(row["reason"]),
            message=row["message"],
            failures=row["failures"],
            next_look_at=datetime.fromisoformat(row["next_look_at"]),
            seen_to=row["seen_to"],
        )
        for row in rows or ()
        if row["kind"] in set(PartKind) and row["reason"] in set(PartReason)
    ]
