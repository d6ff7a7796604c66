"""Tables of the map: which subreddits have authors in common, and which communities they form."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    text,
)

from crawljobs.db.tables.columns import Timestamp, metadata

# A subreddit of the map. A subreddit that was never crawled also has a row, if the authors of a
# crawled subreddit are active in it.
map_nodes = Table(
    "map_nodes",
    metadata,
    Column(
        "subreddit_id",
        BigInteger,
        ForeignKey("subreddits.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    # When the links are computed next. Null: the subreddit was never crawled.
    Column("due_at", Timestamp),
    Column("crawled_at", Timestamp),  # the end of the last crawl that made the links due
    Column("links_at", Timestamp),  # when the links were last computed
    Column("author_count", BigInteger, nullable=False, server_default="0"),
    Column("counted_at", Timestamp),  # when `author_count` was last counted
    # A community is a set of subreddits with strong links. One of these subreddits gives the
    # community its name. This column is the id of that subreddit. Null: the subreddit of this row
    # is in no community.
    Column("community_id", BigInteger, ForeignKey("subreddits.id", ondelete="SET NULL")),
    CheckConstraint("author_count >= 0", name="author_count"),
    Index("map_nodes_due_at_idx", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index(
        "map_nodes_community_id_idx",
        "community_id",
        postgresql_where=text("community_id IS NOT NULL"),
    ),
    Index("map_nodes_links_at_idx", "links_at", postgresql_where=text("links_at IS NOT NULL")),
)

# A link between two subreddits that have authors in common. The link exists while it is one of the
# strongest links of at least one of the two subreddits.
subreddit_links = Table(
    "subreddit_links",
    metadata,
    Column("a_id", BigInteger, ForeignKey("subreddits.id", ondelete="CASCADE"), primary_key=True),
    Column("b_id", BigInteger, ForeignKey("subreddits.id", ondelete="CASCADE"), primary_key=True),
    Column("shared_authors", Integer, nullable=False),
    Column("weight", Double, nullable=False),  # the cosine of the two sets of authors, up to 1
    Column("is_top_of_a", Boolean, nullable=False),  # one of the strongest links of `a_id`
    Column("is_top_of_b", Boolean, nullable=False),
    Column("computed_at", Timestamp, nullable=False),
    CheckConstraint("a_id < b_id", name="order"),
    CheckConstraint("is_top_of_a OR is_top_of_b", name="top"),
    CheckConstraint("weight > 0 AND weight <= 1 AND shared_authors > 0", name="weight"),
    Index("subreddit_links_a_id_idx", "a_id", "weight"),
    Index("subreddit_links_b_id_idx", "b_id", "weight"),
    Index("subreddit_links_weight_idx", "weight"),
)
