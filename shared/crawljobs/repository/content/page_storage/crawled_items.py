"""Store the items of a page from Reddit, in an order in which two pages cannot deadlock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TypeVar

from sqlalchemy import Connection

from crawljobs.domain.content_history import NO_HISTORY, ContentHistory
from crawljobs.domain.reddit_items import Account, Comment, Items, Post
from crawljobs.repository.content import authors, erased_names, stored_subreddits
from crawljobs.repository.content.page_storage import (
    crawled_comments,
    crawled_posts,
    number_history,
    withheld_items,
)
from crawljobs.repository.content.page_storage.crawled_edges import Counts
from crawljobs.repository.content.page_storage.item_upsert import Written

BATCH = 100  # limit of items in one statement, so that its duration and its JSON stay small

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """How many posts and comments of a page were inserted or updated."""

    posts: Written
    comments: Written


def store(
    conn: Connection,
    *,
    items: Items,
    known_subreddits: Mapping[str, int],
    discovered_from: int | None = None,
    depth: int = 0,
    history: ContentHistory = NO_HISTORY,
    key: bytes | None = None,
    keeps_from: datetime | None = None,
    drops_removed_titles: bool = False,
    records_checks: bool = True,
) -> Stored:
    """Store posts, comments, their authors and subreddit descriptions.

    The function also counts the new posts and comments of each author. An item that is equal to its
    stored row is not written. Returns how many posts and comments were written.

    `known_subreddits` maps lower-case names to ids. Any other subreddit of an item is inserted with
    `discovered_from` and `depth`, unless it is already stored. `history` decides which numbers,
    such as scores, are also recorded with the present time.

    With `drops_removed_titles`, removed posts are stored without titles and urls.

    Without `records_checks`, an unchanged item gets no new `checked_at`.

    Items of erased authors, and items created before `keeps_from`, are stored without their authors
    and texts. Raises ContentKeyRequired if an author was erased and `key` cannot recognize erased
    authors.
    """
    if drops_removed_titles:
        items = withheld_items.without_removed_titles(items)
    if keeps_from is not None:
        items = withheld_items.without_old_content(items, keeps_from)
    author_ids: dict[str, int] = {}
    # Every worker locks authors first, then subreddits, then items. Otherwise two workers could
    # deadlock.
    asked = _accounts(items)
    for accounts_batch in _batches(asked):
        author_ids |= authors.ensure(conn, accounts=accounts_batch, key=key)
    erased = {account.name.lower() for account in asked} - author_ids.keys()
    erased |= _erased_profiles(conn, items, known_subreddits, key)
    if erased:
        items = withheld_items.without_erased_authors(
            items, erased=erased, known_subreddits=known_subreddits
        )
    posts = list({post.id: post for post in items.posts}.values())
    comments = list({comment.id: comment for comment in items.comments}.values())
    written: list[Post | Comment] = [*posts, *comments]
    names = {item.subreddit.lower(): item.subreddit for item in written}
    subreddit_ids = dict(known_subreddits)
    unknown = [names[lower] for lower in sorted(names.keys() - known_subreddits.keys())]
    for names_batch in _batches(unknown):
        subreddit_ids |= stored_subreddits.ensure(
            conn, names=names_batch, discovered_from=discovered_from, depth=depth
        )
    for abouts_batch in _batches(sorted(items.subreddits, key=lambda about: about.name.lower())):
        stored_subreddits.upsert(conn, abouts=abouts_batch)
        if history.counts is not None:
            number_history.record_counts(conn, abouts=abouts_batch)
    stored_posts = stored_comments = Written()
    batches_of_posts = [*_batches(sorted(posts, key=lambda post: post.id))]
    batches_of_comments = [*_batches(sorted(comments, key=lambda comment: comment.id))]
    counts = Counts() if len(batches_of_posts) + len(batches_of_comments) > 1 else None
    for posts_batch in batches_of_posts:
        stored_posts += crawled_posts.upsert(
            conn,
            posts=posts_batch,
            author_ids=author_ids,
            subreddit_ids=subreddit_ids,
            counts=counts,
            records_checks=records_checks,
        )
        if history.scores is not None:
            number_history.record_scores(conn, seen=posts_batch)
    for comments_batch in batches_of_comments:
        stored_comments += crawled_comments.upsert(
            conn,
            comments=comments_batch,
            author_ids=author_ids,
            subreddit_ids=subreddit_ids,
            counts=counts,
            records_checks=records_checks,
        )
    if counts is not None:
        counts.add(conn)
    return Stored(posts=stored_posts, comments=stored_comments)


def _erased_profiles(
    conn: Connection, items: Items, known_subreddits: Mapping[str, int], key: bytes | None
) -> set[str]:
    """Return the erased authors whose profiles are among the subreddits of the items."""
    written: list[Post | Comment] = [*items.posts, *items.comments]
    named = {item.subreddit for item in written}
    named |= {about.name for about in items.subreddits}
    owners = withheld_items.profile_owners(named - known_subreddits.keys())
    return erased_names.erased_among(conn, names=owners, key=key) if owners else set()


def _accounts(items: Items) -> list[Account]:
    """Return each account once, ordered by name, with its Reddit id if any item reports the id."""
    by_key: dict[str, Account] = {}
    written: list[Post | Comment] = [*items.posts, *items.comments]
    originals = (post.crosspost_author for post in items.posts if post.crosspost_author)
    authors_of_items = (item.author for item in written if item.author)
    for account in chain(items.accounts, authors_of_items, originals):
        key = account.name.lower()
        if key not in by_key or by_key[key].reddit_id is None:
            by_key[key] = account
    return [by_key[key] for key in sorted(by_key)]


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
