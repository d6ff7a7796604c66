"""Looks at stored posts and comments again: scores, edits, and what was deleted at Reddit."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.repository.content import crawled_items, refreshes
from crawljobs.repository.operations import task_turns
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

TASK = "refresh"
BATCH = 100  # full names one request may ask for
# After the last ended, whoever made it: at most a tenth of Reddit's budget, so that crawls keep
# the rest.
EVERY = timedelta(seconds=6)
# Whoever has not come back by then is dead: waiting for a slot, three replies and their pauses.
TURN = timedelta(minutes=4)
TROUBLE_SECONDS = 60.0
# What one item of a batch may be the cause of; bugs too.
OF_AN_ITEM = (crawl_failures.BadRequest, crawl_failures.TooLarge, crawl_failures.UpstreamTrouble)


class Refresher(threading.Thread):
    """A thread of every worker; one of them works at a time.

    A batch that fails is halved until the item that spoils it is alone and given up: else it would
    be asked for again for ever, before all others.
    """

    def __init__(self, database: Database, client: RedditClient) -> None:
        super().__init__(name="refresher", daemon=True)
        self._database = database
        self._client = client
        self._stopping = threading.Event()
        self._at_most = BATCH

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        pause = EVERY.total_seconds()
        while not self._stopping.wait(pause):
            pause = EVERY.total_seconds()
            try:
                self.run_once()
            except crawl_failures.Interrupted:
                return
            except (crawl_failures.CrawlFailure, errors.DatabaseUnavailable) as error:
                log.warning("refresh.postponed", reason=str(error))
                pause = TROUBLE_SECONDS
            except Exception:  # what was deleted at Reddit must be deleted here all the same
                log.exception("refresh.failed")
                pause = TROUBLE_SECONDS

    def run_once(self) -> int:
        """Refresh a batch of what is due, if it is our turn; how many were settled."""
        names = self._database.run(self._due)
        if names is None:
            return 0
        try:
            return self._refresh(names) if names else 0
        except Exception as error:
            if isinstance(error, OF_AN_ITEM) or not isinstance(error, errors.CrawljobsError):
                self._narrow_down(names, error)
            raise
        finally:
            self._client.forget_reply()
            self._database.run(lambda conn: task_turns.end_turn(conn, task=TASK))

    def _refresh(self, names: Sequence[str]) -> int:
        items = endpoints.info(self._client, names=names, stop=self._stopping)

        def store(conn: Connection) -> None:
            crawled_items.store(conn, items=items, known_subreddits={})
            refreshes.settle(conn, names=names)

        self._database.run(store)
        self._at_most = min(BATCH, 2 * self._at_most)
        log.info("items.refreshed", asked=len(names), shown=len(items.posts) + len(items.comments))
        return len(names)

    def _narrow_down(self, names: Sequence[str], error: Exception) -> None:
        self._at_most = max(1, len(names) // 2)
        if len(names) == 1:
            log.warning("refresh.given_up", name=names[0], reason=str(error))
            self._database.run(lambda conn: refreshes.settle(conn, names=names))

    def _due(self, conn: Connection) -> list[str] | None:
        """None when it is not our turn."""
        if not task_turns.take_turn(conn, task=TASK, every=EVERY, hold=TURN):
            return None
        return refreshes.due(conn, at_most=self._at_most)
