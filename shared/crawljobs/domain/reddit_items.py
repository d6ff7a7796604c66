"""Items as read from Reddit and ready to be stored: accounts, subreddits, posts and comments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from crawljobs.domain.subreddit import AccessState

# The value of `removed_by_category` for a stored item that Reddit's replies left out several times.
# Reddit itself never sends this value.
OMITTED = "omitted"


@dataclass(frozen=True, slots=True)
class Account:
    """A Reddit account. `reddit_id` is t2_ and a base-36 number; None if the reply has no id.

    `created_at` and `suspended` are None for an item's author: only the account's page has them.
    """

    name: str
    reddit_id: str | None = None
    created_at: datetime | None = None
    suspended: bool | None = None


@dataclass(frozen=True, slots=True)
class SubredditAbout:
    """The description of a subreddit. An optional field is None if the reply does not have it."""

    name: str
    reddit_id: str | None
    title: str | None
    description: str | None
    subscribers: int | None
    over_18: bool | None
    created_at: datetime | None
    access: AccessState
    has_type: bool = True  # false: the reply has no subreddit type, so ignore `access`
    sidebar: str | None = None  # the long description
    active: int | None = None  # the number of users who are active now
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """A post. If the author deleted the post, `deleted` is true; author and content are None."""

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
    # Names of other subreddits, in lower case: mentions in the text, and the source of a crosspost.
    mentions: tuple[str, ...] = ()
    crossposted_from: str | None = None
    edited: bool = False  # may be true without `edited_at`, which Reddit omits for old items
    flair_template_id: str | None = None
    author_flair: str | None = None
    num_crossposts: int | None = None
    total_awards_received: int | None = None
    distinguished: str | None = None
    post_hint: str | None = None
    is_video: bool = False
    is_gallery: bool = False
    archived: bool = False
    contest_mode: bool = False
    quarantine: bool = False
    score_hidden: bool = False
    # The original of a crosspost. `crosspost_subreddit` is None if the original is on a profile.
    crosspost_author: Account | None = None
    crosspost_subreddit: str | None = None
    extra: Mapping[str, object] | None = None  # rarely used fields, bounded and cleaned


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment. `parent_id` is the full name of the item that it answers, such as t1_abc.

    `depth` is 0 directly below the post, and None if the reply does not show the depth.
    `score` is None while the subreddit hides the score.
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
    author_flair: str | None = None
    controversiality: int | None = None
    total_awards_received: int | None = None
    distinguished: str | None = None
    collapsed_reason_code: str | None = None
    locked: bool = False
    archived: bool = False
    score_hidden: bool = False
    extra: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class MoreComments:
    """A stub: Reddit's placeholder in a tree for comments that the reply leaves out.

    - `children`: the ids of these comments. If `children` is empty, a request for the tree below
      the comment `parent_id` returns the comments.
    - `count`: the number of comments that Reddit reports for the stub. It may be 0 although the
      stub has children.
    """

    parent_id: str
    children: tuple[str, ...]
    depth: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one reply, by kind.

    `dropped` is the number of items that could not be read. `unknown` is the number of items of
    other kinds.
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
    """One page of a listing. `after` is the cursor of the next page, or None on the last page."""

    items: Items
    after: str | None


# A listing with this number of items has reached Reddit's limit of about 1,000 items. Removed items
# count towards the limit, but the listing does not show them.
LISTING_CAP = 900
# A listing of 10 pages has reached Reddit's limit, even if its pages show fewer than 100 items.
LISTING_PAGES = 10
# If older items are known to exist, a listing that shows this number of items has also reached the
# limit. The items that it does not show were removed.
LISTING_CAP_WITH_REMOVED = 500


def is_newer(item_id: str, mark: str | None) -> bool:
    """Return whether the id belongs to a newer item than the id `mark`. True if `mark` is None.

    Ids are base-36 numbers, and a newer item has a higher id.
    """
    return mark is None or int(item_id, 36) > int(mark, 36)


def newest(*ids: str | None) -> str | None:
    """Return the highest of the `ids`, or None if all are None."""
    known = [item_id for item_id in ids if item_id is not None]
    return max(known, key=lambda item_id: int(item_id, 36)) if known else None
