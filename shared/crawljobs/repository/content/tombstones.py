"""Tombstones: the rows of posts and comments without their authors, texts and urls.

A row becomes a tombstone when its author deletes the item at Reddit, when the author is erased, or
when the row reaches the age `CONTENT_RETENTION_DAYS`. The row stays, because replies refer to it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Double, Integer, Table, func, null

from crawljobs.db.tables import authors
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.sql import NOW

# The texts that a tombstone keeps: they are no content of the author.
KEPT_TEXTS = frozenset({"id", "post_id", "parent_id", "removed_by_category"})
# A tombstone also keeps numbers, flags and times. BigInteger and SmallInteger are kinds of Integer.
_KEPT_TYPES = (Boolean, Integer, Double, type(Timestamp))


def is_erased(column: Column[Any]) -> bool:
    """Return whether this column of a post or comment is null in a tombstone.

    A column of an unknown type is erased, so that a new column does not disclose content.
    """
    if any(key.references(authors) for key in column.foreign_keys):
        return True
    return not isinstance(column.type, _KEPT_TYPES) and column.name not in KEPT_TEXTS


def erased_columns(table: Table) -> frozenset[str]:
    """Return the columns of posts or comments that are null in a tombstone."""
    return frozenset(column.name for column in table.columns if is_erased(column))


def values_of(table: Table) -> dict[str, Any]:
    """Return the values that make a row of posts or comments a tombstone, by column.

    Page storage never fills a tombstone again, because `deleted_at` is set. Exports find the change
    by the new `updated_at`.
    """
    return {
        **{name: null() for name in sorted(erased_columns(table))},
        "deleted_at": func.coalesce(table.c.deleted_at, NOW),
        "updated_at": NOW,
        "refresh_due_at": null(),
    }
