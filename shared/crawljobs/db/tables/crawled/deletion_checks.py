"""Tables of the checks for deletions at Reddit."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    text,
)

from crawljobs.db.tables.columns import Timestamp, metadata

# The walk through all stored posts and comments, in a single row. The position is the last item
# that the walk passed, in the order of the index (subreddit_id, created_at, id). The position has
# no foreign keys, because its item may be deleted.
deletion_walk = Table(
    "deletion_walk",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, server_default=text("1")),
    # Each stored item was last checked after this time: a reply had the item, or a request for the
    # item got a reply without the item.
    Column("unchecked_since", Timestamp, nullable=False),
    Column("started_at", Timestamp),  # null: no walk is under way
    Column("item_table", Text, nullable=False, server_default="posts"),
    Column("subreddit_id", BigInteger, nullable=False, server_default="0"),
    Column("created_at", Timestamp, nullable=False, server_default="epoch"),
    Column("item_id", Text, nullable=False, server_default=""),
    # The settings of the worker that took the last turn. If `check_days` is null, the walk is off.
    Column("check_days", SmallInteger),
    Column("budget_share", Double),
    CheckConstraint("id = 1", name="id"),
    CheckConstraint("item_table IN ('posts', 'comments')", name="item_table"),
)

# A stored item that Reddit's replies leave out. The row is deleted when a reply shows the item
# again, or when the item is marked as deleted after several omissions.
omitted_items = Table(
    "omitted_items",
    metadata,
    Column("name", Text, primary_key=True),  # full name: t3_ or t1_ and the id of the item
    Column(
        "subreddit_id",
        BigInteger,
        ForeignKey("subreddits.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("omissions", SmallInteger, nullable=False),
    Column("counted_at", Timestamp, nullable=False),  # the time of the last counted omission
    Column("next_look_at", Timestamp, nullable=False),
    CheckConstraint("name ~ '^t[13]_[0-9a-z]{1,13}$'", name="name"),
    CheckConstraint("omissions > 0", name="omissions"),
    Index("omitted_items_next_look_at_idx", "next_look_at"),
    Index("omitted_items_subreddit_id_next_look_at_idx", "subreddit_id", "next_look_at"),
)
