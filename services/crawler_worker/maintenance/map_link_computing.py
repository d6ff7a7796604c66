"""Computes the links of one subreddit from the activity of its authors.

Each read has its own short transaction, because during a long transaction VACUUM cannot remove dead
rows.
"""

from __future__ import annotations

from functools import partial

from crawljobs.db.database import Connection, Database
from crawljobs.domain import map_links
from crawljobs.domain.chunks import chunks
from crawljobs.domain.map_links import Sample
from crawljobs.repository.map import due_nodes, link_writes, shared_authors
from crawljobs.repository.map.due_nodes import TakenNode


def compute(database: Database, node: TakenNode) -> None:
    """Compute the strongest links of the subreddit, and replace its stored links by them."""
    sample = _sample(database, node.subreddit_id)
    shared = _shared(database, node.subreddit_id, sample.author_ids)
    links = map_links.strongest(
        shared,
        _author_counts(database, node, shared),
        sampled=len(sample.author_ids),
        author_count=sample.author_count,
    )

    def write(conn: Connection) -> None:
        due_nodes.finish(conn, node=node, author_count=sample.author_count)
        link_writes.replace(conn, subreddit_id=node.subreddit_id, links=links)

    database.run(write)


def _sample(database: Database, subreddit_id: int) -> Sample:
    sample, after = Sample(), 0
    while True:
        with database.read() as conn:
            found = shared_authors.authors_of(conn, subreddit_id=subreddit_id, after=after)
        for activity in found:
            sample.add(activity.author_id, activity.last_at)
        if len(found) < shared_authors.EDGES_CHUNK:
            return sample
        after = found[-1].author_id


def _shared(database: Database, subreddit_id: int, author_ids: list[int]) -> dict[int, int]:
    """Return how many authors in `author_ids` are active in each other subreddit.

    Bots are not counted. Leaves out subreddits in which fewer than SHARED_MIN of the authors are
    active.
    """
    with database.read() as conn:
        bots = shared_authors.bot_ids(conn)
    people = (author_id for author_id in author_ids if author_id not in bots)
    total: dict[int, int] = {}
    for chunk in chunks(people, shared_authors.AUTHORS_CHUNK):
        with database.read() as conn:
            found = shared_authors.shared_with(conn, subreddit_id=subreddit_id, author_ids=chunk)
        for other, count in found.items():
            total[other] = total.get(other, 0) + count
    return {other: count for other, count in total.items() if count >= map_links.SHARED_MIN}


def _author_counts(database: Database, node: TakenNode, others: dict[int, int]) -> dict[int, int]:
    """Return the number of authors of each subreddit in `others`.

    If no recent number of a subreddit is stored, count its authors.
    """
    since = node.now - shared_authors.COUNT_AGAIN_AFTER
    found: dict[int, int] = {}
    for chunk in chunks(sorted(others), shared_authors.COUNTS_CHUNK):
        with database.read() as conn:
            known = shared_authors.known_counts(conn, subreddit_ids=chunk, since=since)
        missing = [other for other in chunk if other not in known]
        if missing:
            known |= database.run(partial(shared_authors.count_authors, subreddit_ids=missing))
        found |= known
    return found
