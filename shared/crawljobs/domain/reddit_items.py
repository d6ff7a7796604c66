"""What is read from Reddit, after it was made safe to store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crawljobs.domain.subreddit import AccessState


@dataclass(frozen=True, slots=True)
class Account:
    """Who wrote something; `reddit_id` is t2_ and base 36 when the reply told it."""

    name: str
    reddit_id: str | None = None
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class SubredditAbout:
    name: str
    reddit_id: str | None
    title: str | None
    description: str | None
    subscribers: int | None
    over_18: bool
    created_at: datetime | None
    access: AccessState


@dataclass(frozen=True, slots=True)
class Post:
    """`deleted` when its author deleted it: then author and content are None."""

    id: str
    subreddit: str
    author: Account | None
    title: str | None
    body: str | None
    url: str | None
    permalink: str | None
    domain: str | None
    flair: str | None
    score: int | None
    upvote_ratio: float | None
    num_comments: int | None
    over_18: bool
    spoiler: bool
    stickied: bool
    locked: bool
    is_self: bool
    crosspost_parent: str | None
    removed_by_category: str | None
    created_at: datetime
    edited_at: datetime | None
    deleted: bool
    # Other subreddits, in lower case: named in the text, and the one a crosspost was taken from.
    mentions: tuple[str, ...] = ()
    crossposted_from: str | None = None
    edited: bool = False  # also without a time: Reddit does not tell when old items were edited


@dataclass(frozen=True, slots=True)
class Comment:
    """`parent_id` is a full name; `depth` is told in trees only, 0 under the post.

    `score` is None while the community hides it.
    """

    id: str
    post_id: str
    parent_id: str
    subreddit: str
    author: Account | None
    body: str | None
    score: int | None
    stickied: bool
    is_submitter: bool
    removed_by_category: str | None
    created_at: datetime
    edited_at: datetime | None
    deleted: bool
    depth: int | None = None
    mentions: tuple[str, ...] = ()
    edited: bool = False


@dataclass(frozen=True, slots=True)
class MoreComments:
    """A cut in a tree. Without children the thread goes on in a tree of its parent's own.

    `count` is the number of comments behind the cut, as far as Reddit tells: 0 with children is
    known too.
    """

    parent_id: str
    children: tuple[str, ...]
    depth: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """The things of one reply by kind; `dropped` could not be read, `unknown` are other kinds."""

    posts: tuple[Post, ...] = ()
    comments: tuple[Comment, ...] = ()
    more: tuple[MoreComments, ...] = ()
    subreddits: tuple[SubredditAbout, ...] = ()
    accounts: tuple[Account, ...] = ()
    dropped: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; `after` is the cursor of the next, None at the end."""

    items: Items
    after: str | None


# A listing shows about a thousand items; with removed ones left out, fewer come.
LISTING_CAP = 900
# A listing that leads to so many pages of a hundred is as long, however few items they show.
LISTING_PAGES = 10
# Where older items are known to exist, a listing of so many was cut off at its thousand, with the
# removed ones left out.
LISTING_CAP_WITH_REMOVED = 500


def is_newer(item_id: str, mark: str | None) -> bool:
    """Whether an id lies above the high-water mark; ids are base-36 numbers that only grow."""
    return mark is None or int(item_id, 36) > int(mark, 36)


def newest(*ids: str | None) -> str | None:
    """The highest of these ids; None when there is none."""
    known = [item_id for item_id in ids if item_id is not None]
    return max(known, key=lambda item_id: int(item_id, 36)) if known else None
