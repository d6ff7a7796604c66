"""A map of 10,000 subreddits and 2,000,000 edges stays current within the share of a core."""

import statistics
import sys
import threading
import time

import psycopg
import pytest
from sqlalchemy import text

from crawler_worker.maintenance import community_computing, map_link_computing
from crawler_worker.maintenance.map_updating import MapUpdating
from crawljobs.db.database import Database
from crawljobs.domain import map_links
from crawljobs.repository.map import due_nodes

SUBREDDITS, EDGES = 10_000, 2_000_000
AUTHORS = EDGES // 20  # each author is active in 20 subreddits
# The sizes follow a power law: subreddit 1 has about 100,000 authors, the median has some dozens.
# Each author prefers a circle of 100 neighbouring subreddits, so that communities exist.
FILL = (
    f"""
    INSERT INTO subreddits (name, subscribers)
    SELECT 'sub' || n, 10000000 / n FROM generate_series(1, {SUBREDDITS}) AS n
    """,
    f"INSERT INTO authors (name) SELECT 'author' || n FROM generate_series(1, {AUTHORS}) AS n",
    f"""
    INSERT INTO author_subreddits (author_id, subreddit_id, posts, first_at, last_at)
    SELECT author.id, drawn.subreddit_id, 1, now(), now() - random() * interval '1 year'
    FROM authors AS author CROSS JOIN LATERAL (
        SELECT DISTINCT CASE
            WHEN place <= 8 THEN 1 + floor({SUBREDDITS} * power(random(), 4 + author.id * 0))::int
            ELSE 1 + (author.id * 97 % {SUBREDDITS} + floor(random() * 100)::int) % {SUBREDDITS}
        END AS subreddit_id
        FROM generate_series(1, 24) AS place
    ) AS drawn
    """,
    "INSERT INTO map_nodes (subreddit_id, due_at) SELECT id, now() FROM subreddits",
    "VACUUM (ANALYZE) subreddits, authors, author_subreddits, map_nodes",
)


@pytest.mark.deep
@pytest.mark.timeout(3_600)
def test_a_large_map_is_computed_in_short_steps(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in ("SELECT setseed(0.5)", *FILL):
            connection.execute(statement)
        (edges,) = connection.execute("SELECT count(*) FROM author_subreddits").fetchone() or (0,)
    assert edges > 0.9 * EDGES
    seconds = []
    began = time.perf_counter()
    while node := database.run(due_nodes.take_due):
        start = time.perf_counter()
        map_link_computing.compute(database, node)
        seconds.append(time.perf_counter() - start)
    all_links = time.perf_counter() - began
    assert len(seconds) == SUBREDDITS
    again = []
    with database.begin() as conn:
        largest = conn.execute(
            text("SELECT subreddit_id FROM map_nodes ORDER BY author_count DESC LIMIT 20")
        ).scalars()
        chosen = [*largest, *range(100, SUBREDDITS, SUBREDDITS // 200)]
        conn.execute(
            text("UPDATE map_nodes SET due_at = now() WHERE subreddit_id = ANY(:ids)"),
            {"ids": chosen},
        )
    while node := database.run(due_nodes.take_due):
        start = time.perf_counter()
        map_link_computing.compute(database, node)
        again.append(time.perf_counter() - start)
    start = time.perf_counter()
    community_computing.compute(database)
    communities = time.perf_counter() - start
    with database.read() as conn:
        links, named = conn.execute(
            text(
                "SELECT (SELECT count(*) FROM subreddit_links),"
                " (SELECT count(DISTINCT community_id) FROM map_nodes)"
            )
        ).one()
    sys.stderr.write(
        f"\n{edges} edges, {links} links, {named} communities; all links {all_links:.0f} s; "
        f"one subreddit first: median {statistics.median(seconds) * 1000:.1f} ms, "
        f"longest {max(seconds):.2f} s; again: median {statistics.median(again) * 1000:.1f} ms, "
        f"longest {max(again):.2f} s; communities {communities:.1f} s\n"
    )
    assert statistics.median(again) <= 0.050
    assert max(again) <= 1.0
    assert links <= SUBREDDITS * map_links.TOP_LINKS
    assert named > 20
    assert MapUpdating(database, threading.Event(), core_share=0.02).run() == 0, "it is current"
