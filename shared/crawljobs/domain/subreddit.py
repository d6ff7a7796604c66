"""Names of subreddits, and what we may see of them."""

from __future__ import annotations

import re
from enum import StrEnum

from crawljobs import errors

# fullmatch: `$` would let a trailing newline into a URL.
_NAME = re.compile(r"[A-Za-z0-9_]{2,21}|u_[A-Za-z0-9_-]{2,20}")


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
        raise errors.InvalidSubredditName(
            "expected a subreddit name of 2 to 21 letters, digits or underscores "
            f"(or u_ and a user's name), got {name[:60]!r}"
        )
    return bare
