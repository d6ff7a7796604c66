"""The indexes of posts and comments. A read of many rows reads them in the order of one index.

Most keys end with the id, so that the next page can continue after the last row of a page. No index
begins with `created_at`: reads of all subreddits visit one subreddit after the other (decision
137).
"""

from __future__ import annotations

from sqlalchemy import Index, text


def _common_indexes(table: str) -> tuple[Index, ...]:
    """Return the indexes that posts and comments both have."""
    return (
        # The items of each subreddit in the order of their creation. Crawls, lists and exports read
        # this index.
        Index(f"{table}_subreddit_id_created_at_id_idx", "subreddit_id", "created_at", "id"),
        # Exports read this index to find the items that changed after a given time. New keys are
        # the largest keys, so Postgres adds them at the end of the index.
        Index(f"{table}_updated_at_id_idx", "updated_at", "id"),
        # The items of each author, in no order. Postgres stores equal keys only once, so the index
        # stays small, and a crawl that stores new items changes only few blocks of the index.
        Index(f"{table}_author_id_idx", "author_id"),
        Index(
            f"{table}_refresh_due_at_idx",
            "refresh_due_at",
            postgresql_where=text("refresh_due_at IS NOT NULL"),
        ),
    )


POST_INDEXES = (
    *_common_indexes("posts"),
    # The crossposts of an author's posts. The erasure of the author must find them.
    Index(
        "posts_crosspost_author_id_idx",
        "crosspost_author_id",
        postgresql_where=text("crosspost_author_id IS NOT NULL"),
    ),
)
COMMENT_INDEXES = (
    *_common_indexes("comments"),
    # The comments of each post in no order, for trees and counts.
    Index("comments_post_id_idx", "post_id"),
)
