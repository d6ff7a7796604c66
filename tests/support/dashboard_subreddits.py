"""Freshness, gaps and a map for the subreddits of the dashboard's tests: each class of lateness."""

from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from support import map_world

# Name: hours since the last crawl, wanted hours (none: only on request), access, subscribers.
_STATES = """
    UPDATE subreddits SET last_crawled_at = now() - age * interval '1 hour',
        next_crawl_at = now() - age * interval '1 hour' + wanted * interval '1 hour',
        access = state, access_checked_at = now(), subscribers = size, title = 'All about ' || name
    FROM (VALUES ('golang', 20, 6, 'public', 310000), ('rust', 9, 4, 'public', 340000),
        ('python', 3, 2.5, 'public', 1400000), ('learnpython', 3, 8, 'public', 910000),
        ('birding', 3, 12, 'public', 230000), ('Ornithology', 3, 24, 'restricted', 80000),
        ('whatsthisbird', 40, 24, 'public', 500000), ('postgres', 70, NULL, 'public', 42000),
        ('secret_garden', 24, NULL, 'private', NULL), ('old_forum', 24, NULL, 'banned', NULL)
    ) AS one (known, age, wanted, state, size)
    WHERE name = known
"""
_MISSING = """
    INSERT INTO missing_parts (subreddit_id, kind, item, reason, message, failures, next_look_at)
    SELECT id, kind, item, reason, message, failures, now() + interval '5 hours'
    FROM subreddits, (VALUES
        ('tree', '1abc', 'trouble', '503 from Reddit', 2),
        ('history', 'ada', 'refused', '403 <img src=x onerror=alert(1)>', 1)
    ) AS one (kind, item, reason, message, failures)
    WHERE name = 'python'
"""
_GAP = """
    INSERT INTO crawl_gaps (subreddit_id, listing, from_item, from_at, to_item, to_at)
    SELECT id, 'comments', '9f1', now() - interval '3 hours', '9f8', now() - interval '2 hours'
    FROM subreddits WHERE name = 'python'
"""
_COUNTS = """
    UPDATE subreddits SET gaps = 1, gap_at = now() - interval '3 hours', missing_parts = 2
    WHERE name = 'python'
"""
_READ = """
    UPDATE crawl_jobs SET checkpoint = coalesce(checkpoint, '{}') ||
        jsonb_build_object('requests', 20 + id % 9, 'posts', 30, 'comments', 200 + id % 70)
    WHERE outcome = 'crawled'
"""


def fill(conn: Connection) -> None:
    """Give the crawled subreddits their times, and python a gap and missing parts."""
    for statement in (_STATES, _MISSING, _GAP, _COUNTS, _READ):
        conn.execute(text(statement))


def draw_map(database: Database, members: map_world.Members) -> None:
    """Store the activity of authors, and compute the links and communities of the map."""
    with database.begin() as conn:
        map_world.store(conn, members)
        map_world.make_due(conn, *members)
    map_world.update(database)
