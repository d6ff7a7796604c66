"""Tables of crawled content: posts and comments."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs.db.tables.columns import NOW, Timestamp, metadata
from crawljobs.db.tables.crawled.content_indexes import COMMENT_INDEXES, POST_INDEXES

# A post. When Reddit shows its author, title, body or url as deleted, that column becomes null.
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
    Column("flair_template_id", Text),
    Column("author_flair", Text),
    Column("score", BigInteger),
    Column("upvote_ratio", Double),
    Column("num_comments", BigInteger),
    Column("num_crossposts", BigInteger),
    Column("total_awards_received", BigInteger),
    Column("distinguished", Text),
    Column("post_hint", Text),
    Column("over_18", Boolean, nullable=False, server_default=text("false")),
    Column("spoiler", Boolean, nullable=False, server_default=text("false")),
    Column("stickied", Boolean, nullable=False, server_default=text("false")),
    Column("locked", Boolean, nullable=False, server_default=text("false")),
    Column("is_self", Boolean, nullable=False, server_default=text("false")),
    # An earlier release did not store the next six flags. In the rows of that release, the flags
    # are null until a crawl reads the post.
    Column("is_video", Boolean),
    Column("is_gallery", Boolean),
    Column("archived", Boolean),
    Column("contest_mode", Boolean),
    Column("quarantine", Boolean),
    Column("score_hidden", Boolean),
    Column("crosspost_parent", Text),
    # The author and the subreddit of the original post. If the original post is in a profile
    # (u_NAME), the subreddit is null. Otherwise the profile's name would stay in the row when the
    # author is erased.
    Column("crosspost_author_id", BigInteger, ForeignKey("authors.id")),
    Column("crosspost_subreddit", Text),
    Column("removed_by_category", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("edited", Boolean, nullable=False, server_default=text("false")),
    Column("edited_at", Timestamp),  # null: not edited, or Reddit sent no time
    Column("extra", JSONB),  # rarely used fields, under Reddit's own names
    Column("deleted_at", Timestamp),  # when a crawl found that the post was deleted
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("updated_at", Timestamp, nullable=False, server_default=NOW),
    # When a crawl last saw the item at Reddit, changed or not. The true time may be later, by up to
    # CHECK_PRECISION (item_upsert.py). The column is in no index, so that an unchanged row gets a
    # HOT update.
    Column("checked_at", Timestamp),
    Column("refresh_due_at", Timestamp),  # when score, edits and deletion are requested next
    # The next four columns describe the last fetch of the comment tree: its time (null: never), and
    # the numbers of comments at that time.
    Column("tree_fetched_at", Timestamp),
    Column("comments_reported", BigInteger),  # the number of comments that Reddit reported
    Column("comments_stored", BigInteger),
    Column("comments_missing", BigInteger),  # comments that exist at Reddit but are not stored
    CheckConstraint("id ~ '^[0-9a-z]{1,13}$'", name="id"),
    *POST_INDEXES,
)

# A comment. The row stays when the author is deleted, because replies refer to the comment.
# `post_id` has no foreign key, because some posts are not stored: a subreddit's newest comments
# also belong to old posts (decision 3).
comments = Table(
    "comments",
    metadata,
    Column("id", Text, primary_key=True),  # base 36, without t1_
    Column("post_id", Text, nullable=False),
    Column("parent_id", Text, nullable=False),  # full name of a post (t3_...) or comment (t1_...)
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("author_id", BigInteger, ForeignKey("authors.id")),
    Column("body", Text),
    Column("author_flair", Text),
    Column("score", BigInteger),
    Column("controversiality", SmallInteger),  # 1: about as many downvotes as upvotes
    Column("total_awards_received", BigInteger),
    Column("distinguished", Text),
    Column("collapsed_reason_code", Text),
    Column("depth", SmallInteger),  # 0: below the post; null: no reply has shown the depth
    Column("stickied", Boolean, nullable=False, server_default=text("false")),
    Column("is_submitter", Boolean, nullable=False, server_default=text("false")),
    # An earlier release did not store this flag and the next two flags. In the rows of that
    # release, the flags are null until a crawl reads the comment.
    Column("locked", Boolean),
    Column("archived", Boolean),
    Column("score_hidden", Boolean),
    Column("removed_by_category", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("edited", Boolean, nullable=False, server_default=text("false")),
    Column("edited_at", Timestamp),  # null: not edited, or Reddit sent no time
    Column("extra", JSONB),
    Column("deleted_at", Timestamp),
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("updated_at", Timestamp, nullable=False, server_default=NOW),
    # When a crawl last saw the item at Reddit, changed or not. The true time may be later, by up to
    # CHECK_PRECISION (item_upsert.py). The column is in no index, so that an unchanged row gets a
    # HOT update.
    Column("checked_at", Timestamp),
    Column("refresh_due_at", Timestamp),  # when score, edits and deletion are requested next
    CheckConstraint("id ~ '^[0-9a-z]{1,13}$'", name="id"),
    *COMMENT_INDEXES,
)
