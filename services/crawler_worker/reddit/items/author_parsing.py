"""Parses the author of an item, and decides whether the author deleted the item."""

from __future__ import annotations

from typing import Any

from crawler_worker.reddit.items import removal_markers
from crawljobs.domain import untrusted_text
from crawljobs.domain.reddit_items import Account

DELETED_BY_AUTHOR = frozenset({"deleted", "author"})
Data = dict[str, Any]


def author(data: Data) -> Account | None:
    """Return the author of an item, or None for `[deleted]`, which is not an account name."""
    name = untrusted_text.account_name(data.get("author"))
    if name is None:
        return None
    return Account(name, untrusted_text.full_name(data.get("author_fullname"), kinds=("t2",)))


def is_deleted(account: Account | None, *, body: object, category: str | None) -> bool:
    """Return whether the author deleted the item that has this raw body and removal category."""
    return account is None and (body == removal_markers.DELETED or category in DELETED_BY_AUTHOR)
