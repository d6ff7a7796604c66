"""Erases content after CONTENT_RETENTION_DAYS, and all content of private and banned subreddits."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

from crawljobs.db.database import Connection, Database
from crawljobs.domain.operation import CHUNK
from crawljobs.repository import index_order
from crawljobs.repository.erasure import old_content, old_items
from crawljobs.repository.erasure.old_content import DueSubreddit
from crawljobs.repository.erasure.old_items import ErasedItems, Place
from crawljobs.repository.operations import task_turns
from crawljobs.runtime import logs
from crawljobs.settings import RetentionSettings

log = logs.get_logger(__name__)

TASK = "content_retention"
EVERY = timedelta(hours=1)
SUBREDDITS_AT_ONCE = 100


class ContentRetention:
    """Erases old content in chunks. All workers together start at most one run an hour."""

    def __init__(
        self, database: Database, settings: RetentionSettings, stopping: threading.Event
    ) -> None:
        self._database = database
        self._settings = settings
        self._stopping = stopping

    def run(self) -> int:
        """Erase the due content of all subreddits. Return the number of erased items.

        If a run is interrupted, the next run continues the work. The mark of a subreddit is the
        time up to which its content is erased. If both settings are off, a run erases nothing, and
        only moves the marks that earlier runs stored to an earlier time. Raises
        DatabaseUnavailable.
        """
        settings = self._settings
        if not self._database.run(partial(task_turns.take_turn, task=TASK, every=EVERY)):
            return 0
        after, erased = 0, 0
        while not self._stopping.is_set():
            found = self._database.run(
                partial(
                    old_content.next_due,
                    retention=settings.content,
                    erases_barred=settings.erases_barred,
                    after=after,
                    at_most=SUBREDDITS_AT_ONCE,
                )
            )
            for due in found:
                erased += self._erase(due)
            if len(found) < SUBREDDITS_AT_ONCE:
                break
            after = found[-1].id
        if erased:
            log.info("content.erased", count=erased)
        return erased

    def _erase(self, due: DueSubreddit) -> int:
        erased = 0
        for table in old_items.TABLES:
            place: Place | None = old_items.first_place(due)
            while place is not None and not self._stopping.is_set():
                items = self._database.run(partial(_erase_chunk, table, due, place))
                erased, place = erased + items.rows, items.place
        if not self._stopping.is_set():
            self._database.run(partial(old_content.finish, due=due))
        return erased


def _erase_chunk(table: str, due: DueSubreddit, after: Place, conn: Connection) -> ErasedItems:
    index_order.follow(conn)
    return old_items.erase(conn, table, due, after=after, at_most=CHUNK)
