"""Change items in communities named takedown_*, as rare events on Reddit do.

Some items look as if Reddit itself had removed them. Others have an unknown edit time or a hidden
score.
"""

from typing import Any

NOTICE = "[ Removed by Reddit ]"
POLICY = "[ Removed by Reddit on account of violating the [content policy](/help/contentpolicy). ]"
COPYRIGHT = "[ Removed by Reddit in response to a copyright notice. ]"

# The post with number n gets the entry LINK_CHANGES[n % len(LINK_CHANGES)]. A comment gets an entry
# of COMMENT_CHANGES in the same way.
_GONE: dict[str, Any] = {"author": "[deleted]", "author_fullname": None}
LINK_CHANGES: tuple[dict[str, Any], ...] = (
    {**_GONE, "title": NOTICE, "selftext": POLICY, "removed_by_category": "reddit"},
    {"selftext": COPYRIGHT},
    {"edited": True},
    {"hide_score": True},
    {},
)
COMMENT_CHANGES: tuple[dict[str, Any], ...] = (
    {**_GONE, "body": NOTICE},
    {"body": POLICY},
    {"edited": True},
    {"score_hidden": True, "score": 1, "ups": 1},
    {},
)


def change_link(data: dict[str, Any], index: int) -> None:
    data.update(LINK_CHANGES[index % len(LINK_CHANGES)])


def change_comment(data: dict[str, Any], index: int) -> None:
    data.update(COMMENT_CHANGES[index % len(COMMENT_CHANGES)])
