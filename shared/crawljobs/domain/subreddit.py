"""Names of subreddits, and what we may see of them."""

from __future__ import annotations

import re
from enum import StrEnum

from crawljobs import errors

LINK_MAX = 300  # characters that are looked at for a name
# fullmatch: `$` would let a trailing newline into a URL.
_NAME = re.compile(r"[A-Za-z0-9_]{2,21}|u_[A-Za-z0-9_-]{2,20}")
# What people copy from a browser's address bar.
_LINK = re.compile(
    r"(?:https?://)?(?:[a-z]+\.)?(?:reddit\.com)?/?r/(?P<name>[A-Za-z0-9_]{2,21})(?:[/?#].*)?",
    re.IGNORECASE,
)


class AccessState(StrEnum):
    """What Reddit lets us see of a subreddit; `unknown` until the first look."""

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


def checked_name(name: str) -> str:
    """The name without a leading r/, as the caller wrote it.

    Raises InvalidSubredditName. Names compare case-insensitively everywhere.
    """
    bare = name.removeprefix("/").removeprefix("r/")
    if _NAME.fullmatch(bare) is None:
        link = _LINK.fullmatch(name[:LINK_MAX])
        raise errors.InvalidSubredditName(
            "expected a subreddit name of 2 to 21 letters, digits or underscores "
            f"(or u_ and a user's name), got {name[:60]!r}"
            + (f": give only {link['name']!r}" if link else "")
        )
    return bare
