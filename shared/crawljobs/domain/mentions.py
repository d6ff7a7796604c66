"""Find the names of subreddits that a post or a comment mentions."""

from __future__ import annotations

import re

from crawljobs.domain import subreddit

# The limit of mentioned subreddits that are stored for one post or comment. A text may mention any
# number of subreddits.
PER_ITEM_MAX = 10

# Matches r/name, /r/name and addresses that contain /r/name. The pattern does not match u/name,
# because a profile is no subreddit.
_MENTION = re.compile(r"(?<![A-Za-z0-9_])r/([A-Za-z0-9_]{2,21})(?![A-Za-z0-9_])", re.ASCII)


def find(*texts: str | None, home: str) -> tuple[str, ...]:
    """Return the mentioned subreddits except `home`, in lower case, each name once.

    Returns at most PER_ITEM_MAX names.
    """
    found: dict[str, None] = {}
    for text in texts:
        for match in _MENTION.finditer(text or ""):
            found.setdefault(match.group(1).lower())
            if len(found) > PER_ITEM_MAX:
                break
    return tuple(name for name in found if is_neighbour(name, home=home))[:PER_ITEM_MAX]


def is_neighbour(name: str, *, home: str) -> bool:
    """Return whether this name, in lower case, may be a subreddit other than `home`."""
    return not name.startswith("u_") and name != home.lower() and not subreddit.is_listing(name)
