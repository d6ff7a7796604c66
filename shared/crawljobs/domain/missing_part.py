"""A part of a crawl that was given up: what is missing, why, and when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# Each further failure doubles the delay of the next look up to this, so that a part that is broken
# for ever costs its tries in place twice a month.
LONGEST_LOOK = timedelta(days=14)
# A listing moves on: what it shows today may be out of its reach in two weeks.
LONGEST_LOOK_AT_LISTING = timedelta(days=1)
# A part that a crawl had no reason to ask for: a setting excludes it.
POSTPONED = LONGEST_LOOK
# A next look further ahead than this was written before the database's clock was set back.
FURTHEST_LOOK = LONGEST_LOOK + timedelta(minutes=1)

LISTED_MAX = 50  # parts that a job lists; its count has no such bound
STORED_MAX = 500  # rows kept for each subreddit; the parts that failed last are kept
ITEM_MAX = 100  # characters of an item's name


class PartKind(StrEnum):
    """What a crawl asks for beside the parts that it requires."""

    POSTS = "posts"  # a page of posts after the first; item: the cursor
    COMMENTS = "comments"  # a page of the newest comments; item: the cursor, empty for the first
    TREE = "tree"  # the tree of a post; item: the post's id
    MORE_CHILDREN = "more_children"  # comments behind stubs; item: the post's id
    THREAD = "thread"  # the thread below a comment; item: the post's id
    HISTORY = "history"  # an author's newest items; item: the account's name
    NAMES = "names"  # which names are subreddits; no item


class PartReason(StrEnum):
    """Why a part was given up."""

    REFUSED = "refused"  # 400 and its like: Reddit does not accept the request
    TROUBLE = "trouble"  # 5xx, no reply, no JSON, or JSON of another shape
    TOO_LARGE = "too_large"  # a request of one item is still too long
    UNAVAILABLE = "unavailable"  # Reddit does not show this
    ALLOWANCE = "allowance"  # the crawl had made all the requests that it may


# A tree is fetched again as a whole, whichever of its requests failed.
OF_A_TREE = (PartKind.TREE, PartKind.MORE_CHILDREN, PartKind.THREAD)
LISTINGS = (PartKind.POSTS, PartKind.COMMENTS)


@dataclass(frozen=True, slots=True)
class MissingPart:
    """`failures` counts the crawls that gave it up in a row.

    `seen_to` is given for listings: the newest item that the broken walk has stored, as a base-36
    id. Everything between that item and the page that failed is stored.
    """

    kind: PartKind
    item: str
    reason: PartReason
    message: str
    failures: int
    next_look_at: datetime
    seen_to: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether a crawl asks for it now: after one failure always, then at its time.

        A time that no clock of today can have written counts as passed.
        """
        is_time = self.next_look_at <= now or self.next_look_at > now + FURTHEST_LOOK
        return self.failures <= 1 or is_time


def next_look(kind: PartKind, failures: int, *, first: timedelta) -> timedelta:
    """The delay after this many failures in a row, at least 1; `first` is the first delay."""
    longest = LONGEST_LOOK_AT_LISTING if kind in LISTINGS else LONGEST_LOOK
    factor: int = 2 ** min(max(0, failures - 1), 16)
    return min(first * factor, longest)
