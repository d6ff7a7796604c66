"""Fill a database with content for tests of query plans, with present or with old statistics."""

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.repository import index_order

ROWS = 4_000
LARGE = ("posts", "comments", "author_subreddits", "subreddit_links", "map_nodes")
_FILL = """
    INSERT INTO subreddits (id, name) OVERRIDING SYSTEM VALUE
    SELECT n, 'sub' || n FROM generate_series(1, 40) AS n;
    INSERT INTO authors (id, name) OVERRIDING SYSTEM VALUE
    SELECT n, 'author' || n FROM generate_series(1, 40) AS n;
    INSERT INTO posts (id, subreddit_id, author_id, title, score, created_at, updated_at)
    SELECT 'p' || n, 1 + n % 40, 1 + n % 40, repeat('t', 100), n,
        timestamptz '2031-01-01' + n * interval '1 s', timestamptz '2031-01-01' + n * interval '1 s'
    FROM generate_series(1, :rows) AS n;
    INSERT INTO comments (id, post_id, parent_id, subreddit_id, author_id, body, score, created_at,
        updated_at)
    SELECT 'c' || n, 'p' || (n % 40), 't3_p1', 1 + n % 40, 1 + n % 40, repeat('b', 100), n,
        timestamptz '2031-01-01' + n * interval '1 s', timestamptz '2031-01-01' + n * interval '1 s'
    FROM generate_series(1, :rows) AS n;
    INSERT INTO author_subreddits (author_id, subreddit_id, posts, first_at, last_at)
    SELECT author.id, subreddit.id, 1, now(), now()
    FROM authors AS author CROSS JOIN subreddits AS subreddit;
    INSERT INTO map_nodes (subreddit_id) SELECT id FROM subreddits;
    INSERT INTO subreddit_links (a_id, b_id, shared_authors, weight, is_top_of_a, is_top_of_b,
        computed_at)
    SELECT a.id, b.id, 1, 0.5, true, true, now()
    FROM subreddits AS a JOIN subreddits AS b ON a.id < b.id
"""
# Statistics of a time at which all items were in one subreddit, below one post.
_OLD = """
    INSERT INTO subreddits (id, name) OVERRIDING SYSTEM VALUE VALUES (7, 'old');
    INSERT INTO posts (id, subreddit_id, created_at, updated_at)
    SELECT 'p' || n, 7, '2031-01-01', '2031-01-01' FROM generate_series(1, 50) AS n;
    INSERT INTO comments (id, post_id, parent_id, subreddit_id, created_at, updated_at)
    SELECT 'c' || n, 'p7', 't3_p7', 7, '2031-01-01', '2031-01-01'
    FROM generate_series(1, 50) AS n;
    ANALYZE posts, comments, subreddits;
    DELETE FROM posts;
    DELETE FROM comments;
    DELETE FROM subreddits
"""


def fill(conn: Connection, *, statistics: str, rows: int = ROWS) -> None:
    """Insert posts and comments, `rows` of each, in 40 subreddits.

    `statistics` is `present` or `old`.

    Statements of the transaction then read in the order of indexes, as in production.
    """
    if statistics == "old":
        for statement in _OLD.split(";"):
            conn.execute(text(statement))
    for statement in _FILL.split(";"):
        conn.execute(text(statement), {"rows": rows} if ":rows" in statement else {})
    if statistics == "present":
        conn.execute(text(f"ANALYZE {', '.join(LARGE)}, subreddits, authors"))
    index_order.follow(conn)
