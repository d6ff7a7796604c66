"""Tables of crawled content: subreddits, posts and comments."""

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
    Column("subscribers", BigInteger),
    Column("over_18", Boolean),
    Column("created_at_reddit", Timestamp),
    Column("access", Text, nullable=False, server_default="unknown"),
    Column("access_checked_at", Timestamp),
    # An outcome other than `access` that is not confirmed yet; the number of checks that count, and
    # the time of the last of them.
    Column("access_unconfirmed", Text),
    Column("access_unconfirmed_looks", SmallInteger, nullable=False, server_default="0"),
    Column("access_unconfirmed_at", Timestamp),
    Column("discovered_from", BigInteger, ForeignKey("subreddits.id", ondelete="SET NULL")),
    Column("depth", SmallInteger, nullable=False, server_default="0"),
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("last_crawled_at", Timestamp),
    Column("next_crawl_at", Timestamp),  # time of the next crawl; null: only on request
    # The number of consecutive crawls without access (private, quarantined or gated).
    Column("looks_in_vain", SmallInteger, nullable=False, server_default="0"),
    # How complete the stored content is. The tables in `coverage.py` list the missing content.
    # The number at the end of the last crawl; the rows of the table `missing_parts` are up to date.
    Column("missing_parts", Integer, nullable=False, server_default="0"),
    Column("gaps", Integer, nullable=False, server_default="0"),
    Column("oldest_post", Text),  # the oldest post that a walk from the newest post has reached
    Column("oldest_post_at", Timestamp),
    Column("oldest_comment", Text),
    Column("oldest_comment_at", Timestamp),
    Column("posts_walk_end", Text),  # reason for the end of the last walk beyond the mark
    Column("whole_walk_at", Timestamp),  # the last walk of the whole listing of posts
    Column("trees_whole", Integer),  # of the newest posts; null: never counted
    Column("trees_not_whole", Integer),
    Column("gap_at", Timestamp),  # the last crawl that did not reach the mark of the previous one
    Column("min_request_gap_seconds", Double),  # null: the gap of the worker's settings
    Column("min_crawl_gap_seconds", Double),  # null: none
    # The newest post and comment that a finished crawl has seen: base-36 ids without their kind.
    Column("high_water_post", Text),
    Column("high_water_comment", Text),
    # Allows more names than a request does: authors' histories name r/reddit.com and r/t:1337.
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

# A submission. Author, title, body and url are null once Reddit shows them as deleted.
posts = Table(
    "posts",
    metadata,
    Column("id", Text, primary_key=True),  # base 36, without t3_
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("author_id", BigInteger, ForeignKey("authors.id")),
    Column("title", Text),
    Column("body", Text),
    Column("url", Text),
    Column("permalink", Text),
    Column("domain", Text),
    Column("flair", Text),
    Column("score", BigInteger),
    Column("upvote_ratio", Double),
    Column("num_comments", BigInteger),
    Column("over_18", Boolean, nullable=False, server_default=text("false")),
    Column("spoiler", Boolean, nullable=False, server_default=text("false")),
    Column("stickied", Boolean, nullable=False, server_default=text("false")),
    Column("locked", Boolean, nullable=False, server_default=text("false")),
    Column("is_self", Boolean, nullable=False, server_default=text("false")),
    Column("crosspost_parent", Text),
    Column("removed_by_category", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("edited", Boolean, nullable=False, server_default=text("false")),
    Column("edited_at", Timestamp),  # may be null if edited: Reddit does not always give it
    Column("deleted_at", Timestamp),  # when a crawl found it deleted at Reddit
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("updated_at", Timestamp, nullable=False, server_default=NOW),
    Column("refresh_due_at", Timestamp),  # time of the next refresh of score, edits and deletion
    # The last fetch of the comment tree, null: never; and its counts at that time.
    Column("tree_fetched_at", Timestamp),
    Column("comments_reported", BigInteger),  # by Reddit
    Column("comments_stored", BigInteger),
    Column("comments_missing", BigInteger),  # known to exist and not stored
    CheckConstraint("id ~ '^[0-9a-z]{1,13}$'", name="id"),
    Index("posts_subreddit_id_created_at_idx", "subreddit_id", "created_at"),
    Index("posts_author_id_idx", "author_id"),
    Index(
        "posts_refresh_due_at_idx",
        "refresh_due_at",
        postgresql_where=text("refresh_due_at IS NOT NULL"),
    ),
)

# A comment. Kept when its author is gone, so that trees hold together; its post may be unknown
# yet, because a subreddit's newest comments also belong to old posts: no foreign key (decision 3).
comments = Table(
    "comments",
    metadata,
    Column("id", Text, primary_key=True),  # base 36, without t1_
    Column("post_id", Text, nullable=False),
    Column("parent_id", Text, nullable=False),  # full name: t3_ of the post or t1_ of a comment
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("author_id", BigInteger, ForeignKey("authors.id")),
    Column("body", Text),
    Column("score", BigInteger),
    Column("stickied", Boolean, nullable=False, server_default=text("false")),
    Column("is_submitter", Boolean, nullable=False, server_default=text("false")),
    Column("removed_by_category", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("edited", Boolean, nullable=False, server_default=text("false")),
    Column("edited_at", Timestamp),  # may be null if edited: Reddit does not always give it
    Column("deleted_at", Timestamp),
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("updated_at", Timestamp, nullable=False, server_default=NOW),
    Column("refresh_due_at", Timestamp),  # time of the next refresh of score, edits and deletion
    CheckConstraint("id ~ '^[0-9a-z]{1,13}$'", name="id"),
    Index("comments_post_id_idx", "post_id"),
    Index("comments_subreddit_id_created_at_idx", "subreddit_id", "created_at"),
    Index("comments_author_id_idx", "author_id"),
    Index(
        "comments_refresh_due_at_idx",
        "refresh_due_at",
        postgresql_where=text("refresh_due_at IS NOT NULL"),
    ),
)
