"""Tables of discovery: found names of subreddits, and the number of requests for discovery."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from crawljobs.db.tables.columns import NOW, Timestamp, metadata

# A subreddit name that posts and comments of one subreddit mention. A subreddit with this name need
# not exist.
discovery_evidence = Table(
    "discovery_evidence",
    metadata,
    Column(
        "found_in", BigInteger, ForeignKey("subreddits.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("name", Text, primary_key=True),  # in lower case
    # The number of mentions in posts and comments.
    Column("mentions", Integer, nullable=False, server_default="0"),
    # The number of posts in `found_in` that were copied (crossposted) from the subreddit `name`.
    Column("crossposts", Integer, nullable=False, server_default="0"),
    Column("first_at", Timestamp, nullable=False, server_default=NOW),
    Column("last_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("mentions >= 0 AND crossposts >= 0", name="counts"),
    CheckConstraint("name ~ '^[a-z0-9_]{2,21}$'", name="name"),
    Index("discovery_evidence_last_at_idx", "last_at"),
)

# A subreddit that a user or a schedule requested, and from which a discovery starts. `requests` is
# the number of requests to Reddit for this discovery since the time `since`.
discovery_roots = Table(
    "discovery_roots",
    metadata,
    Column(
        "subreddit_id",
        BigInteger,
        ForeignKey("subreddits.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("requests", Integer, nullable=False, server_default="0"),
    Column("since", Timestamp, nullable=False, server_default=NOW),
)
