"""Parses replies, and keeps only the items of the requested subreddit, account or post.

A cache or a proxy can return the reply to another request. If an item of another subreddit became
the high-water mark, later crawls would stop at this mark and miss items. Each function raises
UpstreamTrouble for unexpected JSON, and for a reply that has items, but no item of the requested
subject.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from crawler_worker.reddit import crawl_failures, parsing
from crawljobs.domain.reddit_items import Account, Comment, Items, Page, Post, SubredditAbout

# Error messages are stored and logged. So they contain this text instead of the account's name,
# because no trace of an erased account may stay.
_ACCOUNT = "the requested account"
IsOwn = Callable[[Post | Comment], bool]


def about(reply: object, *, name: str) -> SubredditAbout:
    found = parsing.about(reply)
    if found.name.lower() != name.lower():
        raise _other(f"r/{name}")
    return found


def account(reply: object, *, name: str) -> Account:
    found = parsing.account(reply)
    if found.name.lower() != name.lower():
        raise _other(_ACCOUNT)
    return found


def posts(reply: object, *, name: str) -> Page:
    """Return the page in the reply, with only this subreddit's posts."""
    is_own = _of_subreddit(name)
    return _page(reply, lambda item: isinstance(item, Post) and is_own(item), f"r/{name}")


def comments(reply: object, *, name: str) -> Page:
    """Return the page in the reply, with only this subreddit's comments."""
    is_own = _of_subreddit(name)
    return _page(reply, lambda item: isinstance(item, Comment) and is_own(item), f"r/{name}")


def history(reply: object, *, name: str) -> Page:
    """Return the page in the reply, with only this account's items and items without an author."""

    def is_own(item: Post | Comment) -> bool:
        return item.author is None or item.author.name.lower() == name.lower()

    page = parsing.listing(reply, is_followed=False)
    return replace(page, items=_own(page.items, is_own, _ACCOUNT))


def tree(reply: object, *, post_id: str, depth: int = 0) -> Items:
    """Parse the reply, and return only this post and its comments.

    The topmost comments are at `depth`.
    """
    return _own(parsing.tree(reply, depth=depth), _of_post(post_id), f"the post {post_id}")


def more_children(reply: object, *, post_id: str) -> Items:
    return _own(parsing.more_children(reply), _of_post(post_id), f"the post {post_id}")


def named(reply: object, *, names: Collection[str]) -> Items:
    """Parse the reply, and return only the posts and comments with these full names."""

    def is_own(item: Post | Comment) -> bool:
        return f"{'t3' if isinstance(item, Post) else 't1'}_{item.id}" in names

    return _own(parsing.items(reply), is_own, "the requested names")


def _of_subreddit(name: str) -> IsOwn:
    return lambda item: item.subreddit.lower() == name.lower()


def _of_post(post_id: str) -> IsOwn:
    return lambda item: (item.id if isinstance(item, Post) else item.post_id) == post_id


def _page(reply: object, is_own: IsOwn, subject: str) -> Page:
    page = parsing.listing(reply)
    return replace(page, items=_own(page.items, is_own, subject))


def _own(items: Items, is_own: IsOwn, subject: str) -> Items:
    """Return only the items for which `is_own` is true, and count all other items as dropped.

    Raises UpstreamTrouble if the reply has items, but no item of the requested `subject`.
    """
    posts = tuple(post for post in items.posts if is_own(post))
    comments = tuple(comment for comment in items.comments if is_own(comment))
    others = len(items.posts) - len(posts) + len(items.comments) - len(comments)
    others += len(items.subreddits) + len(items.accounts)
    is_unreadable = (items.dropped or items.unknown) and not items.more
    # A stub (in `more`) is a placeholder for comments that Reddit left out. A stub does not name
    # its post, so a reply with only stubs is accepted. A reply with items is accepted only if at
    # least one item belongs to the requested subject.
    if (others or is_unreadable) and not (posts or comments):
        raise _other(subject)
    kept = replace(items, posts=posts, comments=comments, subreddits=(), accounts=())
    return replace(kept, dropped=items.dropped + others)


def _other(subject: str) -> crawl_failures.UpstreamTrouble:
    return crawl_failures.UpstreamTrouble(f"the reply is not about {subject}")
