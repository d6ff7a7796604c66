"""Tables of content that is known to be missing from a subreddit."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, Table, Text, text

from crawljobs.db.tables.columns import NOW, Timestamp, metadata

# A part that the last crawl could not fetch: a page, a comment tree or an author's history. A crawl
# that fetches the part deletes the row.
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
    # The number of consecutive crawls that could not fetch the part.
    Column("failures", Integer, nullable=False, server_default=text("'1'")),
    Column("first_at", Timestamp, nullable=False, server_default=NOW),
    Column("last_at", Timestamp, nullable=False, server_default=NOW),
    Column("next_look_at", Timestamp, nullable=False),
    # For a page of a listing: the newest item that the crawl stored before it gave up the page.
    Column("seen_to", Text),
    CheckConstraint("failures > 0", name="failures"),
)

# A range of a listing that no crawl has seen, between two items that crawls have seen. A crawl that
# reads this range of the listing deletes the row.
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
    Column("from_item", Text, primary_key=True),  # id of the item at the older end, in base 36
    Column("from_at", Timestamp),  # time of `from_item`; null: that item is not stored
    Column("to_item", Text, nullable=False),  # id of the item at the newer end
    Column("to_at", Timestamp, nullable=False),
    Column("found_at", Timestamp, nullable=False, server_default=NOW),
)
