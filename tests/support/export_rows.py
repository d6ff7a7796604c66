"""A million posts for measurements of exports."""

import psycopg

POSTS = 1_000_000
# Posts of 200 subreddits and 31 months, of usual sizes: two of five have a text, of 700 characters
# on average.
FILL = """
    INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, 200) AS n;
    INSERT INTO authors (name) SELECT 'author' || n FROM generate_series(1, 50000) AS n;
    INSERT INTO posts (id, subreddit_id, author_id, title, body, url, permalink, domain, score,
        upvote_ratio, num_comments, is_self, created_at, updated_at)
    SELECT 'p' || n, 1 + n %% 200, 1 + n %% 50000, 'A title with a usual number of words ' || n,
        CASE WHEN n %% 5 < 2 THEN repeat('Some words of a text. ', 10 + n %% 45) END,
        'https://example.org/articles/' || md5(n::text), '/r/sub/comments/p' || n || '/a_title/',
        'example.org', n %% 500, 0.9, n %% 40, n %% 5 < 2,
        timestamptz '2024-01-01' + n * interval '80 s',
        timestamptz '2024-01-02' + n * interval '80 s'
    FROM generate_series(1, %(posts)s) AS n;
    VACUUM ANALYZE posts, authors, subreddits
"""


def fill(database_url: str, posts: int = POSTS) -> None:
    """Insert the posts, with their subreddits and authors, into an empty database."""
    with psycopg.connect(
        database_url, autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as conn:
        for statement in FILL.split(";"):
            conn.execute(statement, {"posts": posts})  # type: ignore[arg-type]
