"""The fields of an export in the shape `flat`: the columns of crawljobs, with names for ids."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause

from crawljobs.repository.content.reads import shown_items
from crawljobs.repository.content.reads.shown_items import ShownComment, ShownPost

Fields = dict[str, ColumnElement[Any]]

_AUTHOR = ("id", "reddit_id", "first_seen_at", "history_fetched_at")
_SUBREDDIT = (
    *("id", "name", "reddit_id", "title", "description", "subscribers", "over_18"),
    *("created_at_reddit", "access", "access_checked_at", "depth", "first_seen_at"),
    *("last_crawled_at", "missing_parts", "gaps"),
)
_EDGE = ("author_id", "subreddit_id", "posts", "comments", "first_at", "last_at")


def of_post(item: FromClause, subreddit: FromClause, _author: FromClause) -> Fields:
    return _of_item(item, ShownPost, subreddit)


def of_comment(item: FromClause, subreddit: FromClause, _author: FromClause) -> Fields:
    return _of_item(item, ShownComment, subreddit)


def _of_item(
    item: FromClause, shown: type[ShownPost | ShownComment], subreddit: FromClause
) -> Fields:
    columns = shown_items.columns_of(item, shown, subreddit=subreddit.c.name)
    return {column.name: column for column in columns if column.name != "author"}


def of_author(item: FromClause, _subreddit: FromClause, _author: FromClause) -> Fields:
    return {name: item.c[name] for name in _AUTHOR}


def of_subreddit(item: FromClause, _subreddit: FromClause, _author: FromClause) -> Fields:
    return {name: item.c[name] for name in _SUBREDDIT}


def of_edge(item: FromClause, subreddit: FromClause, _author: FromClause) -> Fields:
    return {"subreddit": subreddit.c.name, **{name: item.c[name] for name in _EDGE}}
