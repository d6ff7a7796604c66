"""Posts, comments and subreddits as the parser returns them, with default values."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.reddit_items import Account, Comment, Items, Post, SubredditAbout
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content.page_storage import crawled_items

CREATED = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def post(post_id: str = "p1", **values: Any) -> Post:
    defaults: dict[str, Any] = {
        "subreddit": "python",
        "author": Account("ada", "t2_1"),
        "title": "A title",
        "body": "A body",
        "url": "https://example.org/",
        "permalink": f"/r/python/comments/{post_id}/a_title/",
        "domain": "example.org",
        "flair": None,
        "score": 10,
        "upvote_ratio": 0.9,
        "num_comments": 3,
        "over_18": False,
        "spoiler": False,
        "stickied": False,
        "locked": False,
        "is_self": False,
        "crosspost_parent": None,
        "removed_by_category": None,
        "created_at": CREATED,
        "edited_at": None,
        "deleted": False,
    }
    return Post(id=post_id, **{**defaults, **values})


def deleted_post(post_id: str = "p1", **values: Any) -> Post:
    gone = dict.fromkeys(("author", "title", "body", "url", "permalink", "domain"))
    return post(post_id, deleted=True, **{**gone, **values})


def comment(comment_id: str = "c1", **values: Any) -> Comment:
    defaults: dict[str, Any] = {
        "post_id": "p1",
        "parent_id": "t3_p1",
        "subreddit": "python",
        "author": Account("bob", "t2_2"),
        "body": "A comment",
        "score": 1,
        "stickied": False,
        "is_submitter": False,
        "removed_by_category": None,
        "created_at": CREATED,
        "edited_at": None,
        "deleted": False,
    }
    return Comment(id=comment_id, **{**defaults, **values})


def about(name: str = "python", **values: Any) -> SubredditAbout:
    defaults: dict[str, Any] = {
        "reddit_id": "t5_2",
        "title": "Python",
        "description": "About Python",
        "subscribers": 100,
        "over_18": False,
        "created_at": CREATED,
        "access": AccessState.PUBLIC,
    }
    return SubredditAbout(name=name, **{**defaults, **values})


def store(conn: Connection, *items: Post | Comment, **options: Any) -> crawled_items.Stored:
    posts = tuple(item for item in items if isinstance(item, Post))
    comments = tuple(item for item in items if isinstance(item, Comment))
    page = Items(posts=posts, comments=comments)
    return crawled_items.store(conn, items=page, **{"known_subreddits": {}, **options})


def tuples_written(conn: Connection) -> int:
    """Return how many rows this transaction has written so far, in all tables."""
    query = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"
    return int(conn.execute(text(query)).scalar_one())
