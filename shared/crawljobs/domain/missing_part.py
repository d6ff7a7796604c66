"""Parts that a crawl gave up: which parts, why, and when to request them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

# Each failure doubles the delay up to this limit, so that a part that always fails costs its
# requests only twice a month.
LONGEST_LOOK = timedelta(days=14)
# New items push old ones out of a listing: in two weeks today's items may be out of reach.
LONGEST_LOOK_AT_LISTING = timedelta(days=1)
# The delay of a part that a setting excludes from the crawl.
POSTPONED = LONGEST_LOOK
# A time further ahead than this was written before the database's clock was set back.
FURTHEST_LOOK = LONGEST_LOOK + timedelta(minutes=1)

LISTED_MAX = 50  # parts in the details of a job; the count of its parts includes the others
STORED_MAX = 500  # rows of each subreddit; those that failed most recently are kept
ITEM_MAX = 100  # characters of an item's name


class PartKind(StrEnum):
    """The optional parts of a crawl."""

    POSTS = "posts"  # a page of posts after the first; item: the cursor
    COMMENTS = "comments"  # a page of the newest comments; item: the cursor, empty for the first
    TREE = "tree"  # the tree of a post; item: the post's id
    MORE_CHILDREN = "more_children"  # comments behind stubs; item: the post's id
    THREAD = "thread"  # the thread below a comment; item: the post's id
    HISTORY = "history"  # an author's newest items; item: the account's name
    NAMES = "names"  # the check which names are subreddits; no item


class PartReason(StrEnum):
    """Why a part was given up."""

    REFUSED = "refused"  # 400 and similar statuses: Reddit does not accept the request
    TROUBLE = "trouble"  # 5xx, no reply, no JSON, or JSON of another shape
    TOO_LARGE = "too_large"  # a request of one item is still too long
    UNAVAILABLE = "unavailable"  # Reddit does not show this part
    ALLOWANCE = "allowance"  # the crawl had used up its request limit


# When one of these requests fails, the whole tree is fetched again.
OF_A_TREE = (PartKind.TREE, PartKind.MORE_CHILDREN, PartKind.THREAD)
LISTINGS = (PartKind.POSTS, PartKind.COMMENTS)


@dataclass(frozen=True, slots=True)
class MissingPart:
    """A part that the last crawl gave up.

    `failures` counts the consecutive crawls that gave it up. `seen_to` is set for listings: the
    newest item that the interrupted walk has stored, as a base-36 id. Every item between it and the
    failed page is stored.
    """

    kind: PartKind
    item: str
    reason: PartReason
    message: str
    failures: int
    next_look_at: datetime
    seen_to: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether a crawl requests the part: after one failure always, then at `next_look_at`."""
        # A time beyond FURTHEST_LOOK counts as passed: the clock was set back after its writing.
        is_time = self.next_look_at <= now or self.next_look_at > now + FURTHEST_LOOK
        return self.failures <= 1 or is_time


def next_try_delay(kind: PartKind, failures: int, *, first: timedelta) -> timedelta:
    """The delay after this many failures in a row, at least 1; `first` is the first delay."""
    longest = LONGEST_LOOK_AT_LISTING if kind in LISTINGS else LONGEST_LOOK
    factor: int = 2 ** min(max(0, failures - 1), 16)
    return min(first * factor, longest)


def of_json(rows: Sequence[Any] | None) -> list[MissingPart]:
    """Return the parts of a JSON array of rows.

    Leaves out rows with a kind or a reason that this release does not know.
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
