"""Deletes the accounts without stored posts and comments, once a day and in chunks."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from crawljobs.db.database import Database
from crawljobs.repository.erasure import forgotten_authors
from crawljobs.repository.operations import task_turns
from crawljobs.runtime import logs
from crawljobs.settings import RetentionSettings

log = logs.get_logger(__name__)

TASK = "author_pruning"
EVERY = timedelta(days=1)
CHECK_SECONDS = 3_600.0


class AuthorPruning:
    """Deletes accounts without items. All workers together start at most one run a day.

    If CONTENT_RETENTION_DAYS is set, old items lose their authors, but the activity of the authors
    stays. In this case, only accounts without activity are deleted.
    """

    def __init__(
        self, database: Database, settings: RetentionSettings, stopping: threading.Event
    ) -> None:
        self._database = database
        self._with_activity = settings.content is None
        self._stopping = stopping

    def run(self) -> int:
        """Examine all accounts, and return the number of deleted accounts.

        Raises DatabaseUnavailable.
        """
        if not self._database.run(partial(task_turns.take_turn, task=TASK, every=EVERY)):
            return 0
        after: int | None = 0
        deleted = 0
        while after is not None and not self._stopping.is_set():
            walked = self._database.run(
                partial(forgotten_authors.walk, after=after, with_activity=self._with_activity)
            )
            for begin in range(0, len(walked.found), forgotten_authors.AT_ONCE):
                deleted += self._forget(walked.found[begin : begin + forgotten_authors.AT_ONCE])
            after = walked.last_id
        if deleted:
            log.info("authors.deleted", count=deleted)
        return deleted

    def _forget(self, found: Sequence[tuple[int, str]]) -> int:
        """Delete these accounts. Return the number of deleted accounts.

        An account stays if its name cannot be removed from all crawls, for example because the
        checkpoint of a running crawl contains the name.
        """
        nameless = [
            author_id
            for author_id, name in found
            if not self._stopping.is_set()
            and self._database.run(
                partial(forgotten_authors.remove_name, author_id=author_id, name=name)
            )
        ]
        if not nameless:
            return 0
        return self._database.run(
            partial(
                forgotten_authors.forget, author_ids=nameless, with_activity=self._with_activity
            )
        )
