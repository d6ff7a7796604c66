"""Deletes old rows in chunks. A failure of one kind of rows does not stop the other kinds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.repository.content import discovery_candidates
from crawljobs.repository.groups import group_pruning
from crawljobs.repository.operations import record_pruning
from crawljobs.repository.operations.record_pruning import Records
from crawljobs.repository.queue.maintenance import job_maintenance, job_pruning
from crawljobs.repository.queue.maintenance.row_isolation import Change, RowIsolations
from crawljobs.repository.schedules import ledger_pruning
from crawljobs.repository.webhooks import event_pruning
from crawljobs.runtime import logs
from crawljobs.settings import QueueSettings

log = logs.get_logger(__name__)

# One run deletes the ledger rows of deleted schedules in at most this many chunks. The next run
# deletes the remaining rows.
CHUNKS_MAX = 1_000
KEYS_KEPT = timedelta(days=1)  # the time for which a client may repeat an Idempotency-Key
INSTANCES_KEPT = timedelta(days=1)  # the life of a process's row after its last heartbeat
# How long the tables of history keep the rows of the minutes, and the rows of the hours.
MINUTES_KEPT, HOURS_KEPT = timedelta(days=14), timedelta(days=366)
HISTORY_KEPT = {
    Records.QUEUE_MINUTES: MINUTES_KEPT,
    Records.QUEUE_HOURS: HOURS_KEPT,
    Records.BUDGET_MINUTES: MINUTES_KEPT,
    Records.BUDGET_HOURS: HOURS_KEPT,
    Records.WEBHOOK_MINUTES: MINUTES_KEPT,
    Records.WEBHOOK_HOURS: HOURS_KEPT,
}


class Pruning:
    """Deletes old rows until none is left or `stopping` is set."""

    def __init__(
        self, database: Database, settings: QueueSettings, stopping: threading.Event
    ) -> None:
        self._database = database
        self._settings = settings
        self._stopping = stopping
        self._isolations = RowIsolations(database, at_most=job_maintenance.CHUNK)

    def run(self) -> int:
        """Delete old rows of every kind. Return the number of deleted jobs.

        Raises DatabaseUnavailable.
        """
        settings = self._settings
        runs = partial(ledger_pruning.prune_runs, retention=settings.ledger_retention)
        events = partial(event_pruning.prune_events, retention=settings.webhook_retention)
        jobs, groups = _Jobs(settings.retention), _Groups(settings.retention)
        self._rows("job.pruned", jobs, then=jobs.count, deleted=lambda: jobs.deleted)
        self._rows("group.pruned", groups, then=groups.count, deleted=lambda: groups.deleted)
        self._rows("schedule_run.pruned", runs)
        self._guard("schedule_run.orphans_pruned", self._orphans)
        self._rows("evidence.pruned", discovery_candidates.forget_evidence)
        self._records("idempotency_key.pruned", Records.KEYS, KEYS_KEPT)
        self._records("instance.pruned", Records.INSTANCES, INSTANCES_KEPT)
        self._records("operation.pruned", Records.OPERATIONS, settings.retention)
        self._rows("webhook_event.pruned", events)
        if settings.history.scores is not None:
            self._records("post_score.pruned", Records.SCORES, settings.history.scores)
        if settings.history.counts is not None:
            self._records("subreddit_count.pruned", Records.COUNTS, settings.history.counts)
        for records, retention in HISTORY_KEPT.items():
            self._records(f"{records.name.lower()}.pruned", records, retention)
        return jobs.deleted

    def _rows(
        self,
        action: str,
        change: Change,
        *,
        then: Callable[[], None] = lambda: None,
        deleted: Callable[[], int] | None = None,
    ) -> None:
        """Delete the old rows of one kind. If a chunk fails, delete its rows in smaller chunks.

        Log the result of `deleted` as the number of deleted rows. If `deleted` is None, log the
        number that `change` returns.
        """
        isolation = self._isolations.of(action)

        def prune() -> int:
            changed = isolation.run(
                change, then=then, may_continue=lambda: not self._stopping.is_set()
            )
            return changed if deleted is None else deleted()

        self._guard(action, prune)

    def _records(self, action: str, records: Records, retention: timedelta) -> None:
        self._rows(action, partial(record_pruning.prune, records=records, retention=retention))

    def _orphans(self) -> int:
        """Delete the ledger rows of deleted schedules. Return the number of deleted rows."""
        orphans = _Orphans()
        for _ in range(CHUNKS_MAX):
            self._database.run(orphans)
            if not orphans.more or self._stopping.is_set():
                break
        return orphans.deleted

    def _guard(self, action: str, prune: Callable[[], int]) -> None:
        try:
            total = prune()
        except errors.DatabaseUnavailable:
            raise
        except Exception:  # a bug must not stop the pruning of other kinds of rows
            log.exception("prune.failed", action=action)
            return
        if total:
            log.info(action, count=total)


class _Jobs:
    """Executes the statement that deletes jobs with their attempts, and counts the deleted jobs.

    Each execution deletes a limited number of rows. For a job with many attempts, an execution may
    delete some of these attempts and no job.
    """

    def __init__(self, retention: timedelta) -> None:
        self.deleted = 0
        self._retention = retention
        self._in_chunk = 0

    def __call__(self, conn: Connection, *, at_most: int, skip: int) -> int:
        pruned = job_pruning.prune_finished_jobs(
            conn, retention=self._retention, at_most=at_most, skip=skip
        )
        self._in_chunk = pruned.jobs
        return at_most if pruned.more else min(pruned.jobs, at_most - 1)

    def count(self) -> None:
        """Count the jobs that the latest chunk deleted. Call this after the chunk's commit."""
        self.deleted += self._in_chunk


class _Groups:
    """Executes the statement that deletes groups with their steps, and counts the deleted groups.

    For a group with many steps, an execution deletes some of these steps and no group.
    """

    def __init__(self, retention: timedelta) -> None:
        self.deleted = 0
        self._retention = retention
        self._in_chunk = 0

    def __call__(self, conn: Connection, *, at_most: int, skip: int) -> int:
        pruned = group_pruning.prune_groups(
            conn, retention=self._retention, at_most=at_most, skip=skip
        )
        self._in_chunk = pruned.groups
        return at_most if pruned.more else min(pruned.groups, at_most - 1)

    def count(self) -> None:
        """Count the groups that the latest chunk deleted. Call this after the chunk's commit."""
        self.deleted += self._in_chunk


class _Orphans:
    """Executes the statement that deletes the ledger rows of deleted schedules.

    Keeps a position: the highest schedule id whose rows are all checked. The next execution
    continues after this id.
    """

    def __init__(self) -> None:
        self.deleted = 0
        self.more = True
        self._beyond = 0

    def __call__(self, conn: Connection) -> None:
        orphans = ledger_pruning.prune_runs_of_deleted(conn, beyond=self._beyond)
        self._beyond = orphans.beyond or self._beyond
        self.more = orphans.beyond is not None
        self.deleted += orphans.deleted
