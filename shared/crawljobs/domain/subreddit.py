"""The names of subreddits, and the access that Reddit gives to a subreddit."""

from __future__ import annotations

import re
from enum import StrEnum

from crawljobs import errors

PROFILE = "u_"  # the start of the name of an account's profile page
LINK_MAX = 300  # limit in characters; the rest of a link is not searched for a name
# Use NAME_PATTERN with fullmatch. A pattern with `$` would accept a newline at the end of a name.
NAME_PATTERN = r"[A-Za-z0-9_]{2,21}|u_[A-Za-z0-9_-]{2,20}"
_NAME = re.compile(NAME_PATTERN)
# Matches r/name, and the address of a subreddit that a user copied from a browser.
_LINK = re.compile(
    r"(?:https?://)?(?:[a-z]+\.)?(?:reddit\.com)?/?r/(?P<name>[A-Za-z0-9_]{2,21})(?:[/?#].*)?",
    re.IGNORECASE,
)


# Names after r/ that are no subreddit: listings of many subreddits, and other pages of Reddit.
LISTINGS = frozenset(
    [
        "all",
        "contrib",
        "dashboard",
        "friends",
        "home",
        "mod",
        "myrandom",
        "popular",
        "random",
        "randnsfw",
        "subreddits",
    ]
)


class AccessState(StrEnum):
    """The access that Reddit gives to a subreddit. It is `unknown` until the first crawl."""

    UNKNOWN = "unknown"
    PUBLIC = "public"
    RESTRICTED = "restricted"
    PRIVATE = "private"
    QUARANTINED = "quarantined"
    GATED = "gated"
    BANNED = "banned"
    NOT_FOUND = "not_found"
    REDIRECTED = "redirected"
    SUSPENDED = "suspended"
    LEGAL = "legal"


# The states in which Reddit shows the posts of a subreddit.
OPEN = frozenset({AccessState.PUBLIC, AccessState.RESTRICTED})


def is_listing(name: str) -> bool:
    """Return whether this name, in upper or lower case, is a listing or another page of Reddit."""
    return name.lower() in LISTINGS


def is_valid(name: str) -> bool:
    """Return whether `checked_name` accepts this stored name, which has no leading r/."""
    return _NAME.fullmatch(name) is not None and not is_listing(name)


def checked_name(name: str) -> str:
    """Return the name without a leading r/. Upper and lower case stay as the caller wrote them.

    Raises InvalidSubredditName, also for a name in LISTINGS.
    """
    bare = name.removeprefix("/").removeprefix("r/")
    several = bare[:LINK_MAX].split("+")
    if len(several) > 1 and any(_NAME.fullmatch(each) for each in several):
        raise errors.InvalidSubredditName(
            f"{name[:60]!r} joins several subreddits into a listing of Reddit's own: "
            "give each subreddit by itself"
        )
    if is_listing(bare):
        raise errors.InvalidSubredditName(
            f"r/{bare} is no subreddit but a listing of Reddit's own, with items of other "
            "subreddits: give the name of one subreddit"
        )
    if _NAME.fullmatch(bare) is None:
        link = _LINK.fullmatch(name[:LINK_MAX])
        raise errors.InvalidSubredditName(
            "expected a subreddit name of 2 to 21 letters, digits or underscores "
            f"(or u_ and a user's name), got {name[:60]!r}"
            + (f": give only {link['name']!r}" if link else "")
        )
    return bare
