"""The table of subreddits: their descriptions, their access, and how completely each is stored."""

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
    SmallInteger,
    Table,
    Text,
    func,
    literal_column,
    text,
)

from crawljobs.db.tables.columns import NOW, Timestamp, id_column, metadata, one_of

# A subreddit whose name is known. It may never have been crawled.
subreddits = Table(
    "subreddits",
    metadata,
    id_column(),
    Column("name", Text, nullable=False),
    Column("reddit_id", Text),
    Column("title", Text),
    Column("description", Text),
    Column("sidebar", Text),  # the long description
    Column("language", Text),  # the language that the moderators have set, such as en
    Column("subscribers", BigInteger),
    Column("over_18", Boolean),
    Column("created_at_reddit", Timestamp),
    Column("access", Text, nullable=False, server_default="unknown"),
    Column("access_checked_at", Timestamp),
    # - `access_unconfirmed`: a state that differs from `access` and that the last check found.
    #   `access` gets this state after enough checks.
    # - `access_unconfirmed_looks`: the number of checks that count towards the confirmation of this
    #   state.
    # - `access_unconfirmed_at`: the time of the latest of these checks.
    Column("access_unconfirmed", Text),
    Column("access_unconfirmed_looks", SmallInteger, nullable=False, server_default="0"),
    Column("access_unconfirmed_at", Timestamp),
    Column("discovered_from", BigInteger, ForeignKey("subreddits.id", ondelete="SET NULL")),
    Column("depth", SmallInteger, nullable=False, server_default="0"),
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("last_crawled_at", Timestamp),
    Column("next_crawl_at", Timestamp),  # null: a crawl runs only on request
    # `looks_in_vain`: how many crawls in a row could not read the subreddit, because its access
    # state, such as private, had not changed.
    Column("looks_in_vain", SmallInteger, nullable=False, server_default="0"),
    # The next columns show how complete the stored content was after the last crawl. The tables in
    # `coverage.py` show which content is missing now.
    Column("missing_parts", Integer, nullable=False, server_default="0"),
    Column("gaps", Integer, nullable=False, server_default="0"),
    Column("oldest_post", Text),  # id of the oldest post that a crawl has reached in the listing
    Column("oldest_post_at", Timestamp),
    Column("oldest_comment", Text),
    Column("oldest_comment_at", Timestamp),
    Column("posts_walk_end", Text),  # why the walk at `whole_walk_at` ended
    Column("whole_walk_at", Timestamp),  # when a crawl last read the whole listing of posts
    # Of the newest 1,000 posts, the number whose tree is complete, and the number whose tree is not
    # complete. Null: not counted.
    Column("trees_whole", Integer),
    Column("trees_not_whole", Integer),
    Column("gap_at", Timestamp),  # when a crawl last found a new gap
    # The minimum time between two requests of a crawl. Null: the worker's setting.
    Column("min_request_gap_seconds", Double),
    Column("min_crawl_gap_seconds", Double),  # minimum time between two crawls; null: no minimum
    # The newest post and comment that a finished crawl has seen, as base-36 ids without t3_ or t1_.
    Column("high_water_post", Text),
    Column("high_water_comment", Text),
    # The last sweep erased the items that were created before this time.
    Column("content_erased_before", Timestamp),
    # This check allows more names than the API, because authors' histories contain names such as
    # r/reddit.com and r/t:1337.
    CheckConstraint("name ~ '^[A-Za-z0-9_][A-Za-z0-9_.:-]{1,23}$'", name="name"),
    one_of(
        "access",
        "unknown",
        "public",
        "restricted",
        "private",
        "quarantined",
        "gated",
        "banned",
        "not_found",
        "redirected",
        "suspended",
        "legal",
        name="access",
    ),
    Index("subreddits_name_key", func.lower(literal_column("name")), unique=True),
    CheckConstraint(
        "min_request_gap_seconds BETWEEN 0 AND 3600 "
        "AND min_crawl_gap_seconds BETWEEN 0 AND 31622400",
        name="politeness",
    ),
    Index("subreddits_last_crawled_at_idx", "last_crawled_at"),
    Index(
        "subreddits_next_crawl_at_idx",
        "next_crawl_at",
        postgresql_where=text("next_crawl_at IS NOT NULL"),
    ),
)
