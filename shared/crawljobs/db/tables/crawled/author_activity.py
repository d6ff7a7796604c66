"""Tables of authors, and of each author's activity in each subreddit."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    func,
    literal_column,
)

from crawljobs.db.tables.columns import NOW, Timestamp, id_column, metadata

# A Reddit account that wrote a stored post or comment, the original post of a crosspost, or an item
# in the history of an account.
authors = Table(
    "authors",
    metadata,
    id_column(),
    Column("name", Text, nullable=False),
    Column("reddit_id", Text),
    # The next two columns are null until a crawl reads the account itself. Posts and comments do
    # not show these values.
    Column("created_at_reddit", Timestamp),
    Column("suspended", Boolean),
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("history_fetched_at", Timestamp),
    Index("authors_name_key", func.lower(literal_column("name")), unique=True),
)

# The activity of one author in one subreddit: an edge in the map of authors and subreddits.
author_subreddits = Table(
    "author_subreddits",
    metadata,
    Column("author_id", BigInteger, ForeignKey("authors.id"), primary_key=True),
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), primary_key=True),
    Column("posts", Integer, nullable=False, server_default="0"),
    Column("comments", Integer, nullable=False, server_default="0"),
    Column("first_at", Timestamp, nullable=False),
    Column("last_at", Timestamp, nullable=False),
    CheckConstraint("posts >= 0 AND comments >= 0", name="counts"),
    Index("author_subreddits_subreddit_id_author_id_idx", "subreddit_id", "author_id"),
)
