"""The fields of an export in the shape `flat`: the columns of crawljobs, with names for ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause

from crawljobs.repository.content.reads import shown_items
from crawljobs.repository.content.reads.shown_items import ShownComment, ShownPost

Fields = dict[str, ColumnElement[Any]]

_AUTHOR = (
    *("id", "reddit_id", "created_at_reddit", "suspended", "first_seen_at", "history_fetched_at"),
)
_SUBREDDIT = (
    *("id", "name", "reddit_id", "title", "description", "sidebar", "language", "subscribers"),
    *("over_18", "created_at_reddit", "access", "access_checked_at", "depth", "first_seen_at"),
    *("last_crawled_at", "missing_parts", "gaps"),
)
_LINK = ("a_id", "b_id", "shared_authors", "weight", "computed_at")
_EDGE = ("author_id", "subreddit_id", "posts", "comments", "first_at", "last_at")


@dataclass(frozen=True)
class Named:
    """The rows to which ids of an exported row refer. They have the columns name and reddit_id."""

    subreddit: FromClause
    author: FromClause
    original_author: FromClause  # the author of the original post of a crosspost
    other: FromClause  # the second subreddit of a link, or the community of a map node


def of_post(item: FromClause, named: Named) -> Fields:
    return _of_item(item, ShownPost, named)


def of_comment(item: FromClause, named: Named) -> Fields:
    return _of_item(item, ShownComment, named)


def _of_item(item: FromClause, shown: type[ShownPost | ShownComment], named: Named) -> Fields:
    columns = shown_items.columns_of(
        item,
        shown,
        subreddit=named.subreddit.c.name,
        original_author=named.original_author.c.name,
    )
    return {column.name: column for column in columns if column.name != "author"}


def of_author(item: FromClause, _named: Named) -> Fields:
    return {name: item.c[name] for name in _AUTHOR}


def of_subreddit(item: FromClause, _named: Named) -> Fields:
    return {name: item.c[name] for name in _SUBREDDIT}


def of_edge(item: FromClause, named: Named) -> Fields:
    return {"subreddit": named.subreddit.c.name, **{name: item.c[name] for name in _EDGE}}


def of_link(item: FromClause, named: Named) -> Fields:
    return {
        "a": named.subreddit.c.name,
        "b": named.other.c.name,
        **{name: item.c[name] for name in _LINK},
    }


def of_node(item: FromClause, named: Named) -> Fields:
    return {
        "id": item.c.subreddit_id,
        "name": named.subreddit.c.name,
        "authors": item.c.author_count,
        "community": named.other.c.name,
    }
