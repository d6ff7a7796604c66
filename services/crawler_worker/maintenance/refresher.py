"""Requests stored posts and comments again, to update their scores, edits and deletions."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.request_context import RequestContext
from crawler_worker.reddit.requester import Requester
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.content_history import NO_HISTORY, ContentHistory
from crawljobs.repository.content import refreshes
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.operations import task_turns
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

TASK = "refresh"
BATCH = 100  # Reddit accepts at most this many full names in one request.
# The minimum time between two batches, also of different workers. One request in 6 s uses at most
# 10 % of Reddit's budget, so the crawls can use the rest.
EVERY = timedelta(seconds=6)
# The longest time for a batch: the wait for a request slot, three replies and the pauses between
# the replies. After this time, another worker may refresh items, because this worker may be dead.
TURN = timedelta(minutes=4)
PAUSE_AFTER_ERROR_SECONDS = 60.0
# The CrawlFailures that a single item can cause. Each of them makes the next batch smaller.
# An error that is not a CrawljobsError has the same effect, because one item may trigger a bug.
OF_AN_ITEM = (crawl_failures.BadRequest, crawl_failures.TooLarge, crawl_failures.UpstreamTrouble)


class Refresher(threading.Thread):
    """Refreshes stored posts and comments. Each worker has a refresher; they take turns.

    After a failure, the next batch has half the size. If a batch of one item fails, the refresh of
    this item is given up. Otherwise the item would be first in every batch and block all others.
    """

    def __init__(
        self,
        database: Database,
        client: RedditClient,
        history: ContentHistory = NO_HISTORY,
        *,
        content_key: bytes | None = None,
        drops_removed_titles: bool = False,
    ) -> None:
        super().__init__(name="refresher", daemon=True)
        self._content_key = content_key
        self._drops_removed_titles = drops_removed_titles
        self._database = database
        self._client = client
        self._history = history
        self._stopping = threading.Event()
        self._requester = Requester(client, RequestContext(self._stopping))
        self._at_most = BATCH

    def stop(self) -> None:
        """Make the thread end at its next pause or request. Do not wait for the thread's end."""
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
                pause = PAUSE_AFTER_ERROR_SECONDS
            # The thread continues after any error, because it must go on to copy Reddit's
            # deletions.
            except Exception:
                log.exception("refresh.failed")
                pause = PAUSE_AFTER_ERROR_SECONDS

    def run_once(self) -> int:
        """Refresh one batch of due items. Return the number of refreshed items.

        Do nothing while another worker refreshes a batch, or if any worker's batch ended less
        than EVERY ago. Raises CrawlFailure and DatabaseUnavailable.
        """
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
        items = endpoints.info(self._requester, names=names)

        def store(conn: Connection) -> None:
            crawled_items.store(
                conn,
                items=items,
                known_subreddits={},
                history=self._history,
                key=self._content_key,
                drops_removed_titles=self._drops_removed_titles,
            )
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
        """Return the full names of items to refresh, or None if it is not this worker's turn."""
        if not task_turns.take_turn(conn, task=TASK, every=EVERY, hold=TURN):
            return None
        return refreshes.due(conn, at_most=self._at_most)
