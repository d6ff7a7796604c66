"""Parses the JSON of a reply. Each function raises UpstreamTrouble for JSON of another shape."""

from __future__ import annotations

from typing import Any

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.items import about_parsing, item_parsing
from crawljobs.domain import untrusted_text
from crawljobs.domain.reddit_items import Account, Items, Page, SubredditAbout

CURSOR_MAX = 100  # maximum length of a cursor, which is a full name


def listing(reply: object, *, is_followed: bool = True) -> Page:
    """Parse one page of a listing. Raises UpstreamTrouble if the reply is not a listing.

    If `is_followed` is true, the caller needs the cursor of the next page, so an unreadable cursor
    also raises UpstreamTrouble. Otherwise an unreadable cursor becomes None.
    """
    data = _data(reply, "Listing")
    return Page(item_parsing.read_all(_children(reply)), _cursor(data, is_needed=is_followed))


def items(reply: object) -> Items:
    """Parse a listing that has only one page, and return its items."""
    return listing(reply, is_followed=False).items


def _children(reply: object) -> list[Any]:
    children = _data(reply, "Listing").get("children")
    if not isinstance(children, list):
        raise crawl_failures.UpstreamTrouble("expected a listing with children")
    return children


def _cursor(data: item_parsing.Data, *, is_needed: bool) -> str | None:
    """Return the cursor of the next page, or None for null, which marks the last page.

    If the cursor is unusable, more pages may follow. In this case, raise UpstreamTrouble if
    `is_needed` is true, and otherwise return None.
    """
    after = data.get("after", "")
    if after is None:
        return None
    cursor = untrusted_text.text(after, limit=CURSOR_MAX)
    if cursor and cursor == after:  # a cleaned or shortened cursor would be wrong
        return cursor
    if is_needed:
        raise crawl_failures.UpstreamTrouble("expected a listing with a cursor or null")
    return None


def tree(reply: object, *, depth: int = 0) -> Items:
    """Parse a post and its comments, with all replies. The topmost comments are at `depth`."""
    if not isinstance(reply, list) or len(reply) != 2:
        raise crawl_failures.UpstreamTrouble("expected a post and its comments")
    children = [child for part in reply for child in _children(part)]
    return item_parsing.read_all(children, depth=depth)


def more_children(reply: object) -> Items:
    """Parse the items of a morechildren reply. In this flat reply, each item has its own depth."""
    body = reply.get("json") if isinstance(reply, dict) else None
    if not isinstance(body, dict):
        raise crawl_failures.UpstreamTrouble("expected a reply of morechildren")
    data = body.get("data")  # no `data` if the reply has `errors`
    found = data.get("things") if isinstance(data, dict) else None
    return item_parsing.read_all(found if isinstance(found, list) else [])


def about(reply: object) -> SubredditAbout:
    parsed = about_parsing.subreddit(_data(reply, "t5"))
    if parsed is None:
        raise crawl_failures.UpstreamTrouble("expected a subreddit with a name")
    return parsed


def account(reply: object) -> Account:
    parsed = about_parsing.account(_data(reply, "t2"))
    if parsed is None:
        raise crawl_failures.UpstreamTrouble("expected an account with a name")
    return parsed


def _data(reply: object, kind: str) -> item_parsing.Data:
    data = reply.get("data") if isinstance(reply, dict) and reply.get("kind") == kind else None
    if isinstance(data, dict):
        return data
    raise crawl_failures.UpstreamTrouble(f"expected a reply of kind {kind}")
