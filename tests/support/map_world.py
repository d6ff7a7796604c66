"""Authors and their activity for tests of the map, and the links that must be found."""

import math
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import combinations

from sqlalchemy import text

from crawler_worker.maintenance.map_updating import MapUpdating
from crawljobs.db.database import Connection, Database

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TURNS_MAX = 200
Members = Mapping[str, Mapping[str, int]]  # subreddit -> author -> day of the latest item
TWO_COMMUNITIES: Members = {
    "cats": {"ann": 1, "ben": 1, "cid": 1},
    "dogs": {"ann": 1, "ben": 1, "cid": 1},
    "fish": {"ben": 1, "cid": 1},
    "moon": {"eve": 1, "fay": 1},
    "mars": {"eve": 1, "fay": 1},
}


def store(conn: Connection, members: Members) -> dict[str, int]:
    """Store subreddits and the activity of authors. Return the ids of the subreddits."""
    rows = [(name, author, day) for name, days in members.items() for author, day in days.items()]
    for table, names in (("subreddits", set(members)), ("authors", {row[1] for row in rows})):
        conn.execute(
            text(
                f"INSERT INTO {table} (name) SELECT unnest(CAST(:names AS text[])) "
                "ON CONFLICT DO NOTHING"
            ),
            {"names": sorted(names)},
        )
    for name, author, day in rows:
        conn.execute(
            text(
                "INSERT INTO author_subreddits (author_id, subreddit_id, posts, first_at, last_at)"
                " SELECT author.id, subreddit.id, 1, :start, :start + make_interval(days => :day)"
                " FROM authors AS author, subreddits AS subreddit"
                " WHERE author.name = :author AND subreddit.name = :name"
            ),
            {"name": name, "author": author, "day": day, "start": T0},
        )
    found = conn.execute(text("SELECT name, id FROM subreddits"))
    return {row.name: row.id for row in found}


def make_due(conn: Connection, *names: str) -> None:
    conn.execute(
        text(
            "INSERT INTO map_nodes (subreddit_id, due_at, crawled_at)"
            " SELECT id, clock_timestamp(), clock_timestamp() FROM subreddits"
            " WHERE name = ANY(:names) ORDER BY id"
            " ON CONFLICT (subreddit_id) DO UPDATE SET due_at = excluded.due_at"
        ),
        {"names": list(names)},
    )


def expected_weights(members: Members) -> dict[frozenset[str], float]:
    """Return the cosine of each pair with at least two shared authors."""
    found = {}
    for one, other in combinations(members, 2):
        shared = len(members[one].keys() & members[other].keys())
        if shared >= 2:
            product = len(members[one]) * len(members[other])
            found[frozenset((one, other))] = shared / math.sqrt(product)
    return found


def stored_links(database: Database) -> dict[frozenset[str], tuple[int, float]]:
    """Return the number of shared authors and the weight of each stored link."""
    with database.read() as conn:
        rows = conn.execute(
            text(
                "SELECT a.name AS a, b.name AS b, shared_authors, weight FROM subreddit_links"
                " JOIN subreddits AS a ON a.id = a_id JOIN subreddits AS b ON b.id = b_id"
            )
        ).all()
    return {frozenset((row.a, row.b)): (row.shared_authors, row.weight) for row in rows}


def update(database: Database) -> int:
    """Run turns until the map is current. Return the number of subreddits that were due."""
    updating, total = MapUpdating(database, threading.Event(), core_share=1), 0
    for _ in range(TURNS_MAX):
        count = updating.run()
        total += count
        if count == 0:
            return total
    raise AssertionError("the map is never current")


def store_current(database: Database, members: Members) -> None:
    """Store public subreddits, and compute their links and communities."""
    with database.begin() as conn:
        store(conn, members)
        make_due(conn, *members)
        conn.execute(text("UPDATE subreddits SET subscribers = id, access = 'public'"))
    update(database)
