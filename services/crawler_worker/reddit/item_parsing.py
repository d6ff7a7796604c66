"""Parses Reddit's things (posts, comments, subreddits ...) into items that can be stored.

The input is untrusted: an invalid thing is dropped, and the other things are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from crawler_worker.reddit import about_parsing, removal_markers
from crawljobs.domain import mentions, untrusted_text
from crawljobs.domain.reddit_items import (
    Account,
    Comment,
    Items,
    MoreComments,
    Post,
)

# Maximum numbers of characters that are kept.
URL_MAX = 4_000
NAME_MAX = 300
DEPTH_MAX = 10_000
# Maximum of things read from one reply; each costs a row. Reddit's pages have at most 102 things,
# its trees 500 comments and their stubs.
THINGS_MAX = 10_000

NEIGHBOUR = re.compile(r"[A-Za-z0-9_]{2,21}")

DELETED_BY_AUTHOR = frozenset({"deleted", "author"})
Data = dict[str, Any]
_NO_MORE = object()


def read_all(children: list[Any], *, depth: int | None = None) -> Items:
    """Parse things of all kinds, in the order of the page; replies follow their comment.

    `depth` is the depth of `children`; None to read it from each thing.
    """
    found: dict[str, list[Any]] = {kind: [] for kind in _PARSERS}
    dropped = unknown = 0
    for kind, data, level in islice(_walk(children, depth), THINGS_MAX):
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
    """Yield (kind, data, depth) of the things and their replies.

    Iterative, because a tree may be deeper than Python's stack; copies no list, because a list may
    be long.
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


def _post(data: Data, _depth: int | None) -> Post | None:
    post_id = untrusted_text.base36(data.get("id"))
    subreddit = untrusted_text.subreddit_name(data.get("subreddit"))
    created_at = untrusted_text.time(data.get("created_utc"))
    if post_id is None or subreddit is None or created_at is None:
        return None
    author = _author(data)
    raw_body = data.get("selftext")
    category = untrusted_text.text(data.get("removed_by_category"), limit=NAME_MAX) or None
    deleted = author is None and (
        raw_body == removal_markers.DELETED or category in DELETED_BY_AUTHOR
    )
    removed = raw_body == removal_markers.REMOVED
    by_reddit = any(
        removal_markers.is_removed_by_reddit(data.get(key)) for key in ("title", "selftext")
    )

    def content(key: str, limit: int) -> str | None:
        if deleted or removal_markers.is_removed_by_reddit(data.get(key)):
            return None
        return untrusted_text.text(data.get(key), limit=limit)

    title = content("title", about_parsing.TITLE_MAX)
    body = None if removed else content("selftext", about_parsing.BODY_MAX)
    return Post(
        id=post_id,
        subreddit=subreddit,
        author=author,
        title=title,
        body=body,
        url=content("url", URL_MAX),
        permalink=content("permalink", URL_MAX),
        domain=content("domain", NAME_MAX),
        flair=content("link_flair_text", NAME_MAX),
        score=untrusted_text.integer(data.get("score")),
        upvote_ratio=untrusted_text.ratio(data.get("upvote_ratio")),
        num_comments=untrusted_text.count(data.get("num_comments")),
        over_18=untrusted_text.flag(data.get("over_18")),
        spoiler=untrusted_text.flag(data.get("spoiler")),
        stickied=untrusted_text.flag(data.get("stickied")),
        locked=untrusted_text.flag(data.get("locked")),
        is_self=untrusted_text.flag(data.get("is_self")),
        crosspost_parent=untrusted_text.full_name(data.get("crosspost_parent"), kinds=("t3",)),
        removed_by_category=removal_markers.removed_by(
            category, removed=removed, by_reddit=by_reddit
        ),
        created_at=created_at,
        edited=removal_markers.is_edited(data.get("edited")),
        edited_at=untrusted_text.time(data.get("edited")),
        deleted=deleted,
        mentions=mentions.find(title, body, home=subreddit),
        crossposted_from=None if deleted else _crossposted_from(data, home=subreddit),
    )


def _crossposted_from(data: Data, *, home: str) -> str | None:
    """The subreddit of the original, in lower case; None when it is a profile or the same."""
    originals = data.get("crosspost_parent_list")
    original = originals[0] if isinstance(originals, list) and originals else None
    name = original.get("subreddit") if isinstance(original, dict) else None
    if not isinstance(name, str) or not NEIGHBOUR.fullmatch(name):
        return None
    return name.lower() if mentions.is_neighbour(name.lower(), home=home) else None


def _comment(data: Data, depth: int | None) -> Comment | None:
    comment_id = untrusted_text.base36(data.get("id"))
    link = untrusted_text.full_name(data.get("link_id"), kinds=("t3",))
    parent = untrusted_text.full_name(data.get("parent_id"), kinds=("t1", "t3"))
    subreddit = untrusted_text.subreddit_name(data.get("subreddit"))
    created_at = untrusted_text.time(data.get("created_utc"))
    if not (comment_id and link and parent and subreddit and created_at):
        return None
    author = _author(data)
    raw_body = data.get("body")
    category = untrusted_text.text(data.get("removed_by_category"), limit=NAME_MAX) or None
    deleted = author is None and (
        raw_body == removal_markers.DELETED or category in DELETED_BY_AUTHOR
    )
    removed = raw_body == removal_markers.REMOVED
    by_reddit = removal_markers.is_removed_by_reddit(raw_body)
    body = (
        None
        if deleted or removed or by_reddit
        else untrusted_text.text(raw_body, limit=about_parsing.BODY_MAX)
    )
    return Comment(
        id=comment_id,
        post_id=link.removeprefix("t3_"),
        parent_id=parent,
        subreddit=subreddit,
        author=author,
        body=body,
        score=removal_markers.comment_score(data),
        stickied=untrusted_text.flag(data.get("stickied")),
        is_submitter=untrusted_text.flag(data.get("is_submitter")),
        removed_by_category=removal_markers.removed_by(
            category, removed=removed, by_reddit=by_reddit
        ),
        created_at=created_at,
        edited=removal_markers.is_edited(data.get("edited")),
        edited_at=untrusted_text.time(data.get("edited")),
        deleted=deleted,
        depth=depth,
        mentions=mentions.find(body, home=subreddit),
    )


def _more(data: Data, depth: int | None) -> MoreComments | None:
    parent = untrusted_text.full_name(data.get("parent_id"), kinds=("t1", "t3"))
    children = data.get("children")
    if parent is None or not isinstance(children, list):
        return None
    ids = tuple(islice((child for child in children if untrusted_text.base36(child)), THINGS_MAX))
    count = untrusted_text.count(data.get("count")) or 0
    return MoreComments(parent_id=parent, children=ids, depth=depth or 0, count=count)


def _author(data: Data) -> Account | None:
    """The author; None for `[deleted]`, which is not an account name."""
    name = untrusted_text.account_name(data.get("author"))
    if name is None:
        return None
    return Account(name, untrusted_text.full_name(data.get("author_fullname"), kinds=("t2",)))


_PARSERS: dict[str, Callable[[Data, int | None], object | None]] = {
    "t1": _comment,
    "t2": about_parsing.account,
    "t3": _post,
    "t5": about_parsing.subreddit,
    "more": _more,
}
