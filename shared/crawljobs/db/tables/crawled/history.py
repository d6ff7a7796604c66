"""Tables of former numbers: scores of posts, and numbers of subscribers of subreddits."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from crawljobs.db.tables.columns import Timestamp, metadata

# The score and the number of comments of a post from `seen_at` until the next row of the post. A
# crawl inserts a row only if one of the numbers has changed. There is no foreign key, because its
# check would cost as much as the insert.
post_scores = Table(
    "post_scores",
    metadata,
    Column("post_id", Text, primary_key=True),
    Column("seen_at", Timestamp, primary_key=True),
    Column("score", BigInteger),
    Column("num_comments", BigInteger),
    Index("post_scores_seen_at_idx", "seen_at"),  # finds the rows to prune
)

# The numbers of a subreddit at the time `seen_at`. A subreddit gets at most one row an hour.
subreddit_counts = Table(
    "subreddit_counts",
    metadata,
    Column(
        "subreddit_id",
        BigInteger,
        ForeignKey("subreddits.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("seen_at", Timestamp, primary_key=True),
    Column("subscribers", BigInteger),
    Column("active", BigInteger),  # null: the reply did not have this number
    Index("subreddit_counts_seen_at_idx", "seen_at"),  # finds the rows to prune
)
