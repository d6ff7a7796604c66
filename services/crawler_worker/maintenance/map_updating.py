"""Keeps the map current: the links of crawled subreddits, and the communities.

Workers take turns, with a pause after each turn. The pause limits the share of one CPU core that
all workers together use for the map.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from functools import partial

from crawler_worker.maintenance import community_computing, map_link_computing
from crawljobs.db.database import Database
from crawljobs.repository.map import due_nodes, stored_communities
from crawljobs.repository.operations import task_turns
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

EVERY_SECONDS = 2.0  # interval of the checks for due links
TASK = "map"
# When this time has passed since the start of a turn, the turn computes the links of no further
# subreddit.
TURN_SECONDS = 0.2
# If a worker dies during its turn, the turn ends after HOLD. The pause after a turn is never longer
# than HOLD.
HOLD = timedelta(minutes=10)
# The age limit of outdated communities. Older communities are computed again even if links are due.
COMMUNITIES_AFTER = timedelta(days=1)


class MapUpdating:
    """Computes due links and outdated communities, in turns with the other workers."""

    def __init__(self, database: Database, stopping: threading.Event, *, core_share: float) -> None:
        """`core_share` is the share of one CPU core for all workers, above 0 and at most 1."""
        self._database = database
        self._stopping = stopping
        self._core_share = core_share

    def run(self) -> int:
        """Take a turn if links are due or communities are outdated.

        Returns the number of subreddits whose links were computed. Raises DatabaseUnavailable.
        """
        if not self._has_work() or not self._take_turn():
            return 0
        began = time.monotonic()
        try:
            count = self._compute_links(began + TURN_SECONDS)
            self._compute_communities()
        finally:
            seconds = (time.monotonic() - began) * (1 / self._core_share - 1)
            pause = min(timedelta(seconds=seconds), HOLD)
            self._database.run(partial(task_turns.end_turn, task=TASK, pause=pause))
        return count

    def _has_work(self) -> bool:
        with self._database.read() as conn:
            return due_nodes.has_due(conn) or stored_communities.state(conn).is_outdated

    def _take_turn(self) -> bool:
        return self._database.run(
            lambda conn: task_turns.take_turn(conn, task=TASK, every=timedelta(0), hold=HOLD)
        )

    def _compute_links(self, until: float) -> int:
        count = 0
        self._database.run(due_nodes.mend)
        while not self._stopping.is_set():
            node = self._database.run(due_nodes.take_due)
            if node is None:
                break
            map_link_computing.compute(self._database, node)
            count += 1
            if time.monotonic() >= until:
                break
        if count:
            log.debug("map_links.computed", subreddits=count)
        return count

    def _compute_communities(self) -> None:
        with self._database.read() as conn:
            state = stored_communities.state(conn)
            if not state.is_outdated or self._stopping.is_set():
                return
            is_old = state.computed_at is None or state.now - state.computed_at > COMMUNITIES_AFTER
            if due_nodes.has_due(conn) and not is_old:
                return
        changed = community_computing.compute(self._database)
        log.info("communities.computed", changed=changed)
