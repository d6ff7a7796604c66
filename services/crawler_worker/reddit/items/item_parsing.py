"""Parses all items of a reply: posts, comments, stubs, subreddits and accounts.

A stub is a placeholder for comments that the reply leaves out. The input is untrusted. An invalid
item is dropped, and all other items are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from crawler_worker.reddit.items import about_parsing, comment_parsing, post_parsing
from crawljobs.domain import untrusted_text
from crawljobs.domain.reddit_items import Items, MoreComments

DEPTH_MAX = 10_000
# The maximum number of items that are read from one reply. Without this limit, a wrong reply could
# cause millions of rows. Reddit's pages have at most 102 items. Its trees have at most 500 comments
# and the stubs between them.
ITEMS_MAX = 10_000

Data = dict[str, Any]
_NO_MORE = object()


def read_all(children: list[Any], *, depth: int | None = None) -> Items:
    """Parse items of all kinds in the order of the page. The replies to a comment follow it.

    `depth` is the depth of `children`. If `depth` is None, the depth is read from each item.
    """
    found: dict[str, list[Any]] = {kind: [] for kind in _PARSERS}
    dropped = unknown = 0
    for kind, data, level in islice(_walk(children, depth), ITEMS_MAX):
        parse = _PARSERS.get(kind)
        if parse is None:
            unknown += 1
            continue
        item = parse(data, level)
        if item is None:
            dropped += 1
        else:
            found[kind].append(item)
    return Items(
        posts=tuple(found["t3"]),
        comments=tuple(found["t1"]),
        more=tuple(found["more"]),
        subreddits=tuple(found["t5"]),
        accounts=tuple(found["t2"]),
        dropped=dropped,
        unknown=unknown,
    )


def _walk(children: list[Any], depth: int | None) -> Iterator[tuple[str, Data, int | None]]:
    """Yield (kind, data, depth) of each item, and of each reply below the item.

    The function is not recursive, because a tree may be deeper than Python's stack. The function
    copies no list, because a list may be long.
    """
    stack = [(iter(children), depth)]
    while stack:
        siblings, level = stack[-1]
        child = next(siblings, _NO_MORE)
        if child is _NO_MORE:
            stack.pop()
            continue
        kind = child.get("kind") if isinstance(child, dict) else None
        data = child.get("data") if isinstance(child, dict) else None
        if not isinstance(kind, str) or not isinstance(data, dict):
            yield "", {}, None
            continue
        if level is None:
            reported = untrusted_text.count(data.get("depth"))
            level = None if reported is None else min(reported, DEPTH_MAX)
        yield kind, data, level
        stack.append((iter(_replies(data)), None if level is None else level + 1))


def _replies(data: Data) -> list[Any]:
    replies = data.get("replies")
    inner = replies.get("data") if isinstance(replies, dict) else None
    children = inner.get("children") if isinstance(inner, dict) else None
    return children if isinstance(children, list) else []


def _more(data: Data, depth: int | None) -> MoreComments | None:
    parent = untrusted_text.full_name(data.get("parent_id"), kinds=("t1", "t3"))
    children = data.get("children")
    if parent is None or not isinstance(children, list):
        return None
    ids = tuple(islice((child for child in children if untrusted_text.base36(child)), ITEMS_MAX))
    count = untrusted_text.count(data.get("count")) or 0
    return MoreComments(parent_id=parent, children=ids, depth=depth or 0, count=count)


_PARSERS: dict[str, Callable[[Data, int | None], object | None]] = {
    "t1": comment_parsing.comment,
    "t2": about_parsing.account,
    "t3": post_parsing.post,
    "t5": about_parsing.subreddit,
    "more": _more,
}
