"""Withhold content from page storage: items of erased authors, and items that are too old."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from crawljobs.domain.reddit_items import Account, Comment, Items, Post
from crawljobs.domain.subreddit import PROFILE


def profile_owners(names: Iterable[str]) -> list[str]:
    """Return the names of the accounts whose profiles are among these subreddits, in lower case."""
    lower = sorted({name.lower() for name in names})
    return [name.removeprefix(PROFILE) for name in lower if name.startswith(PROFILE)]


def without_old_content(items: Items, keeps_from: datetime) -> Items:
    """Return the items. An item that was created before `keeps_from` becomes a deleted item."""
    return replace(
        items,
        posts=tuple(
            _deleted_post(post) if post.created_at < keeps_from else post for post in items.posts
        ),
        comments=tuple(
            _deleted_comment(one) if one.created_at < keeps_from else one for one in items.comments
        ),
    )


def without_removed_titles(items: Items) -> Items:
    """Return the items. A removed post is returned without title, url, permalink and domain.

    Reddit sends the title of a removed post, but not its body. The addresses repeat the title.
    """
    return replace(
        items,
        posts=tuple(
            replace(post, title=None, url=None, permalink=None, domain=None)
            if post.removed_by_category is not None
            else post
            for post in items.posts
        ),
    )


def without_erased_authors(
    items: Items, *, erased: Collection[str], known_subreddits: Collection[str]
) -> Items:
    """Return the items as they may be stored. All names in the arguments are in lower case.

    - Items of `erased` authors become deleted items, because other items refer to them.
    - Items on the profiles of erased authors are left out, and so are descriptions of the profiles.
      Exception: profiles in `known_subreddits` are kept.
    """
    hidden = {f"{PROFILE}{name}" for name in erased} - set(known_subreddits)

    def shown_post(post: Post) -> Post:
        return _deleted_post(post) if _is_in(erased, post.author) else _of_origin(post, erased)

    def shown_comment(one: Comment) -> Comment:
        return _deleted_comment(one) if _is_in(erased, one.author) else one

    return replace(
        items,
        posts=tuple(
            shown_post(post) for post in items.posts if post.subreddit.lower() not in hidden
        ),
        comments=tuple(
            shown_comment(one) for one in items.comments if one.subreddit.lower() not in hidden
        ),
        subreddits=tuple(one for one in items.subreddits if one.name.lower() not in hidden),
        accounts=tuple(one for one in items.accounts if not _is_in(erased, one)),
    )


def _deleted_post(post: Post) -> Post:
    return replace(
        post, author=None, deleted=True, mentions=(), crossposted_from=None, crosspost_author=None
    )


def _deleted_comment(comment: Comment) -> Comment:
    return replace(comment, author=None, deleted=True, mentions=())


def _of_origin(post: Post, erased: Collection[str]) -> Post:
    """Return the post. If the author of its original post is erased, that author is left out.

    The url is left out too, because it has words of the original post's title.
    """
    is_erased = _is_in(erased, post.crosspost_author)
    return replace(post, crosspost_author=None, url=None) if is_erased else post


def _is_in(erased: Collection[str], account: Account | None) -> bool:
    return account is not None and account.name.lower() in erased
