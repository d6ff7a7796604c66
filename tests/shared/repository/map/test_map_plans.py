"""The statements of the map find their rows by indexes, also in a generic plan."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import ClauseElement, text

from crawljobs.db.database import Database
from crawljobs.repository.map import (
    due_nodes,
    link_writes,
    map_reads,
    shared_authors,
    stored_communities,
)
from support import plans
from support.databases import Databases

FILL = """
    INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, 5000) AS n;
    INSERT INTO authors (name) SELECT 'author' || n FROM generate_series(1, 5000) AS n;
    INSERT INTO author_subreddits (author_id, subreddit_id, posts, first_at, last_at)
    SELECT author.id, subreddit.id, 1, now(), now()
    FROM generate_series(0, 3) AS place
    JOIN authors AS author ON true
    JOIN subreddits AS subreddit
        ON subreddit.name = 'sub' || (1 + (substr(author.name, 7)::int + place) % 5000);
    INSERT INTO map_nodes (subreddit_id, due_at, links_at)
    SELECT id, now() + interval '1 day', now() FROM subreddits;
    INSERT INTO subreddit_links
    SELECT a.id, b.id, 3, 1.0 / a.id, true, false, now()
    FROM subreddits AS a JOIN subreddits AS b ON b.id - a.id BETWEEN 1 AND 4;
    ANALYZE subreddits, authors, author_subreddits, map_nodes, subreddit_links
    """
OF = {"of": 5, "others": [6, 7], "a_ids": [5], "b_ids": [6]}
CASES: dict[str, tuple[ClauseElement, dict[str, Any]]] = {
    "due": (due_nodes._DUE, {"now": None}),
    "take": (due_nodes._TAKE, {"now": None}),
    "finish": (due_nodes._FINISH, {"of": 5, "began": None, "authors": 3, "now": None}),
    "mend": (due_nodes._MEND, {"now": None}),
    "authors": (shared_authors._AUTHORS, {"subreddit_id": 5, "after": 0}),
    "bots": (shared_authors._BOTS, {}),
    "shared": (shared_authors._SHARED, {"authors": [5, 6], "subreddit_id": 5}),
    "counts": (shared_authors._COUNTS, {"subreddit_ids": [5, 6]}),
    "count": (shared_authors._COUNT, {"subreddit_ids": [5, 6]}),
    "former": (link_writes._FORMER, OF),
    "release": (link_writes._RELEASE, OF),
    "store links": (
        link_writes._STORE,
        {
            **OF,
            "shared_authors": [2],
            "weights": [0.5],
            "top_of_a": [True],
            "now": None,
        },
    ),
    "delete": (link_writes._DELETE, OF),
    "community state": (stored_communities._STATE, {"now": None}),
    "links": (stored_communities._LINKS, {"a_id": 5, "b_id": 6}),
    "communities": (stored_communities._COMMUNITIES, {"after": 5}),
    "subscribers": (stored_communities._SUBSCRIBERS, {"subreddit_ids": [5, 6]}),
    "store": (stored_communities._STORE, {"subreddit_ids": [5], "community_ids": [6]}),
    "strongest": (map_reads._STRONGEST, {"min_shared": 2, "at_most": 5}),
    "neighbours": (map_reads._NEIGHBOURS, {"of": 5, "min_shared": 2}),
    "among": (map_reads._AMONG, {"members": [5, 6], "min_shared": 2, "at_most": 5}),
    "nodes": (map_reads._NODES, {"members": [5, 6]}),
    "state": (map_reads._STATE, {"now": None}),
}


@pytest.fixture(scope="module")
def full(databases: Databases) -> Iterator[Database]:
    with databases.lend() as url:
        database = Database(url, pool_size=1)
        with database.begin() as conn:
            for statement in FILL.split(";"):
                conn.execute(text(statement))
        yield database
        database.close()


@pytest.mark.parametrize("name", CASES)
def test_no_statement_scans_a_table(full: Database, name: str) -> None:
    statement, values = CASES[name]
    with full.begin() as conn:
        nodes = plans.generic_plan(conn, statement, values)
    assert plans.tables_scanned(nodes) == [], json.dumps(nodes, indent=1)[:3000]


def test_the_authors_of_a_subreddit_are_read_in_the_order_of_an_index(full: Database) -> None:
    with full.begin() as conn:
        nodes = plans.generic_plan(conn, *CASES["authors"])
    assert not [node for node in nodes if node["Node Type"] == "Sort"]
