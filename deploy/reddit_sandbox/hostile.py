"""Hostile content in communities named hostile_*. The replies are valid JSON with valid ids.

Titles and texts have any characters that a user could write. Other fields have types and values
that Reddit could send after a change of its server.
"""

from typing import Any

from reddit_sandbox import listing_pages

LONG_TITLE = 300_000  # characters of a title; Reddit allows 300
LONG_TEXT = 1_000_000  # characters of a text; Reddit allows 40,000
# The length of other fields in characters. It is below 40,000, because the crawler limits the size
# of a reply.
LONG_VALUE = 30_000
DEEP = 200  # number of nested levels; Python's JSON parser accepts about 1,000
HUGE = 10**30  # larger than the maximum of each integer type of Postgres

# The post with number n gets the entry n modulo the length of the list. The comment with number 3n
# gets the entry of COMMENT_TWISTS that is n modulo the length of that list.
LINK_TWISTS: tuple[dict[str, Any], ...] = (
    {"title": "a NUL \x00 in the \x00 title", "selftext": "\x00" * 20},
    {"title": "a lone surrogate \ud83d and another \udc00", "author_flair_text": "\udfff"},
    {"title": "bidi \u202e desrever \u2066 isolate \u200f mark"},
    {"title": "<script>alert(1)</script><img src=x onerror=alert(2)>"},
    {"title": "'; DROP TABLE posts; --", "selftext": "%s %(name)s {0} ${HOME} \\x00 \\u0000"},
    {"title": "x" * LONG_TITLE},
    {"selftext": "y" * LONG_TEXT},
    {"title": None, "selftext": None},
    {"title": 12345, "score": "17", "num_comments": "many"},
    {"score": HUGE, "ups": -HUGE, "num_comments": HUGE},
    {"score": None, "num_comments": None, "created_utc": "1700000000"},
    {"score": 1.5, "upvote_ratio": 10**400},
    {"created_utc": -1e300, "created": 1e300},
    {"edited": True, "over_18": "false", "stickied": 1},
    {"url": "javascript:alert(1)", "permalink": "//evil.example/"},
    {"url": None, "domain": None, "permalink": None},
    {"title": "\u0000", "selftext": "\r\n\x1b[31mred\x1b[0m\x07\x08\u2028\u2029\ufeff"},
    {"title": "z\u0335\u0321" * 500, "author_flair_text": "\U0001f9d1\u200d" * 300},
    {"title": "", "subreddit_subscribers": -1},
    {"author": None},
    {"author": "a name/with ?slashes&#", "author_fullname": 7},
    {"author_flair_text": "\x00" * 9_000, "distinguished": ["x"], "post_hint": "p" * LONG_VALUE},
    {"num_crossposts": HUGE, "total_awards_received": -HUGE, "is_video": "yes", "archived": 1},
    {"gallery_data": {"\x00\ud800": "\udfff"}, "media_metadata": [1], "poll_data": "\x00"},
    {"poll_data": {"options": [{"text": "o" * 5_000, "vote_count": HUGE}] * 100}},
    {"crosspost_parent": "t3_a", "crosspost_parent_list": [{"author": "\x00", "subreddit": 7}]},
    {"media_metadata": {"m": {"s": {"u": "u" * LONG_VALUE, "x": 1e308}, "p": "p" * LONG_VALUE}}},
)
COMMENT_TWISTS: tuple[dict[str, Any], ...] = (
    {"body": "NUL \x00 in a comment", "body_html": "\x00"},
    {"body": "lone \udc00 surrogate"},
    {"body": "\u202e</p></div><script>alert(3)</script>"},
    {"body": None, "body_html": None},
    {"body": ["not", "text"]},
    {"score": HUGE, "controversiality": None},
    {"score": None, "created_utc": None},
    {"author": None},
    {"body": "w" * 100_000},
    {"edited": "yesterday", "is_submitter": None},
    {"author_flair_text": "\ud800" * 9_000, "controversiality": HUGE, "locked": "no"},
    {"media_metadata": {"\x00": {"id": "\x00"}}, "collapsed_reason_code": {"a": "\x00"}},
)


def twist_link(data: dict[str, Any], index: int) -> None:
    """Corrupt a post. `index`, the post's number, selects the entry of LINK_TWISTS."""
    data.update(LINK_TWISTS[index % len(LINK_TWISTS)])
    if index % len(LINK_TWISTS) == 3:
        data["media"] = _deep()
    if index % len(LINK_TWISTS) == 4:
        data["gallery_data"] = _deep()


def twist_comment(data: dict[str, Any], index: int) -> None:
    """Corrupt the comment if 3 divides `index`, the comment's number."""
    if index % 3 == 0:
        data.update(COMMENT_TWISTS[index // 3 % len(COMMENT_TWISTS)])


def strangers(children: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add unexpected items to a page: a repeated item, unknown kinds, and items without data."""
    odd: list[Any] = [{"kind": "t9", "data": {"id": "x"}}, {"kind": "t3", "data": {}}]
    odd += [
        {"kind": "Listing", "data": listing_pages.wrap([])["data"]},
        {"kind": "t3", "data": None},
    ]
    return [*children, *children[:1], *odd]


def _deep() -> Any:
    nest: Any = "the bottom"
    for _ in range(DEEP):
        nest = {"oembed": [nest]}
    return nest
