"""Tables of the checks for deletions at Reddit."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Double, SmallInteger, Table, Text, text

from crawljobs.db.tables.columns import Timestamp, metadata

# The walk through all stored posts and comments, in a single row. The position is the last item
# that the walk passed, in the order of the index (subreddit_id, created_at, id). It has no foreign
# keys, because the item may be deleted.
deletion_walk = Table(
    "deletion_walk",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, server_default=text("1")),
    # Each stored item was seen at Reddit after this time, or requested and left out of the reply.
    Column("unchecked_since", Timestamp, nullable=False),
    Column("started_at", Timestamp),  # null: no walk is under way
    Column("item_table", Text, nullable=False, server_default="posts"),
    Column("subreddit_id", BigInteger, nullable=False, server_default="0"),
    Column("created_at", Timestamp, nullable=False, server_default="epoch"),
    Column("item_id", Text, nullable=False, server_default=""),
    # The settings of the worker that took the last turn. Null interval: the walk is off.
    Column("check_days", SmallInteger),
    Column("budget_share", Double),
    CheckConstraint("id = 1", name="id"),
    CheckConstraint("item_table IN ('posts', 'comments')", name="item_table"),
)
