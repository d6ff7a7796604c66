"""Tables of content that is known to be missing from a subreddit."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, Table, Text, text

from crawljobs.db.tables.columns import NOW, Timestamp, metadata

# A part that the last crawl gave up: a page, a comment tree or a history. A later fetch deletes it.
missing_parts = Table(
    "missing_parts",
    metadata,
    Column(
        "subreddit_id",
        BigInteger,
        ForeignKey("subreddits.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("kind", Text, primary_key=True),
    Column("item", Text, primary_key=True),  # an id, a cursor or an account's name; may be empty
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("'1'")),  # crawls in a row
    Column("first_at", Timestamp, nullable=False, server_default=NOW),
    Column("last_at", Timestamp, nullable=False, server_default=NOW),
    Column("next_look_at", Timestamp, nullable=False),
    # For a listing: the newest item that the unfinished walk has stored.
    Column("seen_to", Text),
    CheckConstraint("failures > 0", name="failures"),
)

# A range of items of a listing that no crawl has seen, between two items that were seen. A walk of
# the whole listing deletes it.
crawl_gaps = Table(
    "crawl_gaps",
    metadata,
    Column(
        "subreddit_id",
        BigInteger,
        ForeignKey("subreddits.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("listing", Text, primary_key=True),
    Column("from_item", Text, primary_key=True),  # the older end, base 36
    Column("from_at", Timestamp),  # null: the item is not stored
    Column("to_item", Text, nullable=False),  # the newer end
    Column("to_at", Timestamp, nullable=False),
    Column("found_at", Timestamp, nullable=False, server_default=NOW),
)
