"""Find names of subreddits in posts and comments."""

from __future__ import annotations

import re

from crawljobs.domain import subreddit

# The maximum of subreddits that are stored for one item. A text may mention any number.
PER_ITEM_MAX = 10

# r/name, /r/name and addresses with it; not u/name, as profiles are no communities.
_MENTION = re.compile(r"(?<![A-Za-z0-9_])r/([A-Za-z0-9_]{2,21})(?![A-Za-z0-9_])", re.ASCII)


def find(*texts: str | None, home: str) -> tuple[str, ...]:
    """The mentioned subreddits except `home`, in lower case, each once; at most PER_ITEM_MAX."""
    found: dict[str, None] = {}
    for text in texts:
        for match in _MENTION.finditer(text or ""):
            found.setdefault(match.group(1).lower())
            if len(found) > PER_ITEM_MAX:
                break
    return tuple(name for name in found if is_neighbour(name, home=home))[:PER_ITEM_MAX]


def is_neighbour(name: str, *, home: str) -> bool:
    """Whether this name, in lower case, may be a community other than `home`."""
    return not name.startswith("u_") and name != home.lower() and not subreddit.is_listing(name)
