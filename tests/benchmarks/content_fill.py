"""Fill a database as after years of crawls: posts and comments of usual sizes, authors, edges.

Ids and times of creation grow together, as at Reddit. A few subreddits and a few authors have most
of the items.
"""

import psycopg

from benchmarks import crowd

FIRST_ID, ID_STEP = 0x1000000, 20  # new items get the ids between two filled items
YEARS = 10
POSTS_OF_SUBREDDIT = 1_000  # on average
POSTS_OF_AUTHOR = 20  # on average
TABLES = ("authors", "author_subreddits", "comments", "posts", "subreddits")

_NAMES = """
    INSERT INTO subreddits (name, last_crawled_at, access)
    SELECT 'grown_' || n, now(), 'public' FROM generate_series(1, %(subreddits)s) AS n;
    INSERT INTO authors (name, reddit_id)
    SELECT 'writer_' || n, 't2_' || n FROM generate_series(1, %(authors)s) AS n
"""
# `chance` has numbers from 0 to 1 that depend on the number of the item alone.
_CHANCE = """
    LATERAL (SELECT abs(hashint8extended(n, 1) / 9.3e18) AS a, abs(hashint8extended(n, 2) / 9.3e18)
        AS b, abs(hashint8extended(n, 3) / 9.3e18) AS c, to_hex(%(first_id)s + n * %(id_step)s)
        AS id, now() - interval '1 year' * %(years)s * (1 - n / %(items)s::float8) AS at) AS chance
"""
_WORDS = "repeat('Some words that people write to one another every day. ', 70)"
_POSTS = f"""
    INSERT INTO posts (id, subreddit_id, author_id, title, body, url, permalink, domain, score,
        upvote_ratio, num_comments, is_self, created_at, first_seen_at, updated_at, refresh_due_at)
    SELECT id, 1 + (%(subreddits)s * a ^ 3)::int %% %(subreddits)s,
        1 + (%(authors)s * b ^ 2)::int %% %(authors)s,
        'A title of post ' || n || ' with a usual number of words',
        CASE WHEN c < 0.4 THEN substr(words.all, 1 + n::int %% 50, (3000 * a * b * c * 5)::int) END,
        'https://example.org/articles/2026/' || md5(n::text),
        '/r/grown_' || n || '/comments/' || id || '/a_title_of_a_post/', 'example.org',
        (500 * c ^ 4)::int, 0.9, (40 * b)::int, c < 0.4, at, at, at + interval '7 days' * b,
        CASE WHEN at > now() - interval '7 days' THEN at + interval '7 days' END
    FROM (SELECT {_WORDS} AS all OFFSET 0) AS words, generate_series(1, %(items)s) AS n, {_CHANCE}
"""
# The comments of a post are near it in time.
_COMMENTS = f"""
    INSERT INTO comments (id, post_id, parent_id, subreddit_id, author_id, body, score,
        created_at, first_seen_at, updated_at, refresh_due_at)
    SELECT chance.id, post.id, 't3_' || post.id,
        1 + (%(subreddits)s * a ^ 3)::int %% %(subreddits)s,
        1 + (%(authors)s * b ^ 2)::int %% %(authors)s,
        substr(words.all, 1 + n::int %% 50, 20 + (2000 * a * b * c)::int),
        (50 * c ^ 4)::int, at, at, at + interval '7 days' * b,
        CASE WHEN at > now() - interval '7 days' THEN at + interval '7 days' END
    FROM (SELECT {_WORDS} AS all OFFSET 0) AS words, generate_series(1, %(items)s) AS n, {_CHANCE},
        LATERAL (SELECT to_hex(%(first_id)s
            + greatest(1, n - (100 * b ^ 3)::int) / 10 * 10 * %(id_step)s) AS id) AS post
"""
_EDGES = """
    INSERT INTO author_subreddits (author_id, subreddit_id, posts, first_at, last_at)
    SELECT author_id, subreddit_id, count(*), min(created_at), max(created_at)
    FROM posts GROUP BY author_id, subreddit_id ORDER BY author_id, subreddit_id
"""


def authors_of(items: int) -> int:
    """Return the number of authors of this number of posts."""
    return max(items // POSTS_OF_AUTHOR, 1_000)


def fill(url: str, *, items: int) -> None:
    """Insert this number of posts and of comments. Page storage itself would take hours."""
    values = {
        "items": items,
        "subreddits": max(items // POSTS_OF_SUBREDDIT, 100),
        "authors": authors_of(items),
        "first_id": FIRST_ID,
        "id_step": ID_STEP,
        "years": YEARS,
    }
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(_NAMES, values)
        connection.execute("SET work_mem = '256MB'")
        with crowd.written_at_once(connection, tables=TABLES):
            for statement in (_POSTS, _COMMENTS, _EDGES):
                connection.execute(statement, values)  # type: ignore[arg-type]
        connection.execute("VACUUM (ANALYZE)")
