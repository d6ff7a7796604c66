"""Items read from Reddit, cleaned so that they can be stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crawljobs.domain.subreddit import AccessState


@dataclass(frozen=True, slots=True)
class Account:
    """An author; `reddit_id` is t2_ and a base-36 number, None when the reply has no id."""

    name: str
    reddit_id: str | None = None
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class SubredditAbout:
    """The description of a subreddit. None: the reply does not report the field."""

    name: str
    reddit_id: str | None
    title: str | None
    description: str | None
    subscribers: int | None
    over_18: bool | None
    created_at: datetime | None
    access: AccessState
    has_type: bool = True  # False: the reply does not report who may read and write


@dataclass(frozen=True, slots=True)
class Post:
    """A post. When its author deleted it, `deleted` is true, and author and content are None."""

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
    # Other subreddits, in lower case: those mentioned in the text, and the source of a crosspost.
    mentions: tuple[str, ...] = ()
    crossposted_from: str | None = None
    edited: bool = False  # `edited_at` may be None: Reddit gives no edit time for old items


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment. `parent_id` is a full name such as t1_abc.

    `depth` is 0 directly below the post, and None when the comment is not read from a tree.
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
    """A stub in a tree, in place of comments that the reply leaves out.

    Without children, the comments are in the tree of the parent, which is a page of its own.
    `count` is the number of comments behind the stub as Reddit reports it. Reddit also reports 0
    for stubs with children.
    """

    parent_id: str
    children: tuple[str, ...]
    depth: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one reply by kind.

    `dropped` counts items that could not be read, `unknown` items of other kinds.
    """

    posts: tuple[Post, ...] = ()
    comments: tuple[Comment, ...] = ()
    more: tuple[MoreComments, ...] = ()
    subreddits: tuple[SubredditAbout, ...] = ()
    accounts: tuple[Account, ...] = ()
    dropped: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; `after` is the cursor of the next page, None on the last page."""

    items: Items
    after: str | None


# A listing ends after about 1,000 items. It leaves out removed items, so fewer are shown.
LISTING_CAP = 900
# A listing of 10 pages of 100 items has reached Reddit's cap, even if its pages show fewer items.
LISTING_PAGES = 10
# When older items are known to exist, a listing of this many items has reached Reddit's cap: the
# other items are removed ones.
LISTING_CAP_WITH_REMOVED = 500


def is_newer(item_id: str, mark: str | None) -> bool:
    """Whether an id is above the high-water mark; ids are base-36 numbers that only increase."""
    return mark is None or int(item_id, 36) > int(mark, 36)


def newest(*ids: str | None) -> str | None:
    """The highest of these ids; None when there is none."""
    known = [item_id for item_id in ids if item_id is not None]
    return max(known, key=lambda item_id: int(item_id, 36)) if known else None
