"""Computes the communities of the map from all links."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from crawljobs.db.database import Database
from crawljobs.domain import map_communities
from crawljobs.domain.chunks import chunks
from crawljobs.domain.map_communities import LinkGraph
from crawljobs.repository.map import stored_communities

LINKS_MAX = 2_000_000  # maximum number of links from which communities are computed


def compute(database: Database) -> int:
    """Compute and store the community of each subreddit. Returns the number of changed rows."""
    with database.read() as conn:
        began = stored_communities.state(conn).now
    graph = LinkGraph(islice(_links(database), LINKS_MAX))
    subscribers: dict[int, int] = {}
    for chunk in chunks(graph.ids, stored_communities.WRITE_CHUNK):
        with database.read() as conn:
            subscribers |= stored_communities.subscribers_of(conn, subreddit_ids=chunk)
    found = map_communities.named_by_largest(graph.labels(), subscribers)
    changed = {
        subreddit_id: found.get(subreddit_id)
        for subreddit_id, former in _stored(database)
        if found.get(subreddit_id) != former
    }
    for part in chunks(changed.items(), stored_communities.WRITE_CHUNK):
        database.run(partial(stored_communities.store, communities=dict(part)))
    database.run(partial(stored_communities.note_computed, began=began))
    return len(changed)


def _links(database: Database) -> Iterator[tuple[int, int, float]]:
    a_id = b_id = 0
    while True:
        with database.read() as conn:
            links = stored_communities.links_after(conn, a_id=a_id, b_id=b_id)
        yield from links
        if len(links) < stored_communities.READ_CHUNK:
            return
        a_id, b_id, _ = links[-1]


def _stored(database: Database) -> Iterator[tuple[int, int | None]]:
    """Yield the id of each subreddit of the map, and its stored community."""
    after = 0
    while True:
        with database.read() as conn:
            found = stored_communities.communities_after(conn, after=after)
        yield from found.items()
        if len(found) < stored_communities.READ_CHUNK:
            return
        after = max(found)
