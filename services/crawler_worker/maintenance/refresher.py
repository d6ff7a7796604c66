"""Requests stored posts and comments again, to update their scores, edits and deletions."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from crawler_worker.maintenance.item_batches import ItemBatch, ItemBatches
from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.request_context import RequestContext
from crawler_worker.reddit.requester import Requester
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content.deletion_checks import omitted_items
from crawljobs.repository.content.deletion_checks.omitted_items import Counted
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.operations import task_turns
from crawljobs.repository.reddit_api import budget_pace
from crawljobs.runtime import logs
from crawljobs.settings import CrawlSettings, DeletionCheckSettings

log = logs.get_logger(__name__)

TASK = "refresh"
# The longest time for a batch: the wait for a request slot, three replies and the pauses between
# the replies. After this time, another worker may refresh items, because this worker may be dead.
TURN = timedelta(minutes=4)
FIRST_PAUSE = timedelta(seconds=1)  # the pause between two batches until the budget is read
PAUSE_AFTER_ERROR_SECONDS = 60.0
# The CrawlFailures that a single item can cause. Each of them makes the next batch smaller.
# An error that is not a CrawljobsError has the same effect, because one item may trigger a bug.
OF_AN_ITEM = (crawl_failures.BadRequest, crawl_failures.TooLarge, crawl_failures.UpstreamTrouble)


class Refresher(threading.Thread):
    """Requests due items and the items of the walk.

    Each worker has a refresher, and the workers take turns.

    Two batches of any workers are at least an interval apart. The interval depends on the budget of
    `client_id`, and on the share of this budget that `checks` sets. A batch that took several
    requests is followed by a longer pause.

    After a failure, the next batch has half the size. If a batch of one item fails, this item is
    given up. Otherwise the item would be first in every batch and block all others.
    """

    def __init__(
        self,
        database: Database,
        client: RedditClient,
        *,
        client_id: str,
        crawl: CrawlSettings,
        checks: DeletionCheckSettings,
        refreshes_items: bool = True,
    ) -> None:
        super().__init__(name="refresher", daemon=True)
        self._crawl = crawl
        self._database = database
        self._client = client
        self._client_id = client_id
        self._checks = checks
        self._batches = ItemBatches(refreshes_items=refreshes_items, checks=checks)
        self._stopping = threading.Event()
        self._requester = Requester(client, RequestContext(self._stopping, on_sent=self._count))
        self._every = FIRST_PAUSE
        self._sent = 0

    def stop(self) -> None:
        """Make the thread end at its next pause or request. Do not wait for the thread's end."""
        self._stopping.set()

    def run(self) -> None:
        """Request batches until a stop. If the settings turn all work off, end after one turn."""
        pause = self._every.total_seconds()
        while not self._stopping.wait(pause):
            try:
                self.run_once()
                pause = self._every.total_seconds()
                if self._batches.are_off:
                    return
            except crawl_failures.Interrupted:
                return
            except (crawl_failures.CrawlFailure, errors.DatabaseUnavailable) as error:
                log.warning("refresh.postponed", reason=str(error))
                pause = PAUSE_AFTER_ERROR_SECONDS
            # The thread continues after any error, because deletions at Reddit must also be made
            # here.
            except Exception:
                log.exception("refresh.failed")
                pause = PAUSE_AFTER_ERROR_SECONDS

    def run_once(self) -> int:
        """Request one batch of items. Return the number of requested items.

        Do nothing while another worker requests a batch, or if the pause after any worker's batch
        is not over. Raises CrawlFailure and DatabaseUnavailable.
        """
        self._sent = 0
        has_turn, batch = self._database.run(self._next)
        if not has_turn:
            return 0
        try:
            return self._request(batch) if batch else 0
        except Exception as error:
            if batch and (
                isinstance(error, OF_AN_ITEM) or not isinstance(error, errors.CrawljobsError)
            ):
                self._narrow_down(batch, error)
            raise
        finally:
            self._client.forget_reply()
            pause = min(TURN, max(0, self._sent - 1) * self._every)
            self._database.run(lambda conn: task_turns.end_turn(conn, task=TASK, pause=pause))

    def _next(self, conn: Connection) -> tuple[bool, ItemBatch | None]:
        """Return whether this worker has the turn, and the batch for the turn."""
        self._every = budget_pace.interval(
            conn, client_id=self._client_id, share=self._checks.share
        )
        if not task_turns.take_turn(conn, task=TASK, every=self._every, hold=TURN):
            return False, None
        return True, self._batches.next(conn)

    def _request(self, batch: ItemBatch) -> int:
        items = endpoints.info(self._requester, names=batch.names)
        omissions = self._database.run(lambda conn: self._store(conn, batch, items))
        self._batches.succeeded(batch)
        shown = len(items.posts) + len(items.comments)
        log.info("items.refreshed", reason=batch.kind, asked=len(batch.names), shown=shown)
        if omissions.counted:
            log.info("omissions.counted", count=omissions.counted, deleted=omissions.marked)
        return len(batch.names)

    def _store(self, conn: Connection, batch: ItemBatch, items: Items) -> Counted:
        crawled_items.store(
            conn,
            items=items,
            known_subreddits={},
            history=self._crawl.history,
            key=self._crawl.content_key,
            keeps_from=self._keeps_from(),
            drops_removed_titles=self._crawl.drops_removed_titles,
            records_checks=batch.records_checks,
        )
        omissions = self._record_omissions(conn, batch, items)
        batch.settle(conn)
        return omissions

    def _record_omissions(self, conn: Connection, batch: ItemBatch, items: Items) -> Counted:
        if self._checks.every is None:
            return Counted()
        shown = {f"t3_{post.id}" for post in items.posts}
        shown |= {f"t1_{comment.id}" for comment in items.comments}
        # Dropped items could not be read, but Reddit has returned them, so they are no omissions.
        is_complete = not (items.dropped or items.unknown)
        asked = batch.names if is_complete else shown
        return omitted_items.record(conn, asked=asked, shown=shown)

    def _keeps_from(self) -> datetime | None:
        """Return the earliest creation time of an item whose content is stored. None: no limit."""
        retention = self._crawl.content_retention
        return None if retention is None else datetime.now(UTC) - retention

    def _narrow_down(self, batch: ItemBatch, error: Exception) -> None:
        self._batches.failed(batch)
        if len(batch.names) == 1:
            log.warning("refresh.given_up", name=batch.names[0], reason=str(error))
            self._database.run(batch.settle)

    def _count(self) -> None:
        self._sent += 1
