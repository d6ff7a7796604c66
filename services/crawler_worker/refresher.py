"""Looks at stored posts and comments again: scores, edits, and what was deleted at Reddit."""

from __future__ import annotations

import threading
from datetime import timedelta

from crawler_worker.reddit import endpoints, failures
from crawler_worker.reddit.client import RedditClient
from crawljobs import errors, logs
from crawljobs.db.database import Connection, Database
from crawljobs.domain.reddit_items import Items
from crawljobs.repository import crawled_items, job_maintenance, refreshes

log = logs.get_logger(__name__)

BATCH = 100  # full names one request may ask for
# All workers together: a tenth of Reddit's budget, so that crawls keep the rest.
EVERY = timedelta(seconds=6)
TROUBLE_SECONDS = 60.0


class Refresher(threading.Thread):
    """A thread of every worker; one of them works at a time."""

    def __init__(self, database: Database, client: RedditClient) -> None:
        super().__init__(name="refresher", daemon=True)
        self._database = database
        self._client = client
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        pause = EVERY.total_seconds()
        while not self._stopping.wait(pause):
            pause = EVERY.total_seconds()
            try:
                self.run_once()
            except failures.Interrupted:
                return
            except (failures.CrawlFailure, errors.DatabaseUnavailable) as error:
                log.warning("refresh.postponed", reason=str(error))
                pause = TROUBLE_SECONDS

    def run_once(self) -> int:
        """Refresh a batch of what is due, if it is our turn; how many were asked for."""
        names = self._database.run(self._due)
        if not names:
            return 0
        try:
            items = endpoints.info(self._client, names=names, stop=self._stopping)
        except (failures.BadRequest, failures.TooLarge) as error:
            log.warning("refresh.refused", reason=str(error), count=len(names))
            items = Items()  # or the same batch would be asked for for ever

        def store(conn: Connection) -> None:
            crawled_items.store(conn, items=items, known_subreddits={})
            refreshes.settle(conn, names=names)

        self._database.run(store)
        log.info("items.refreshed", asked=len(names), shown=len(items.posts) + len(items.comments))
        return len(names)

    @staticmethod
    def _due(conn: Connection) -> list[str]:
        if not job_maintenance.take_turn(conn, task="refresh", every=EVERY):
            return []
        return refreshes.due(conn, at_most=BATCH)
