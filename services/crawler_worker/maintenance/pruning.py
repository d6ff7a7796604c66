"""Deletes what is old, each kind in pieces of its own; one kind that fails stops no other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.repository.content import discovery
from crawljobs.repository.operations import idempotency_keys, service_instances
from crawljobs.repository.queue.maintenance import job_maintenance, job_pruning
from crawljobs.repository.queue.maintenance.row_isolation import Change, RowIsolations
from crawljobs.repository.schedules import schedule_ledger
from crawljobs.runtime import logs
from crawljobs.settings import QueueSettings

log = logs.get_logger(__name__)

PIECES_MAX = 1_000  # a kind with a huge backlog goes on an interval later
KEYS_KEPT = timedelta(days=1)  # answers to requests that callers may repeat
INSTANCES_KEPT = timedelta(days=1)  # processes that were not seen any more


class Pruning:
    """Deletes until nothing old is left, or `stopping` is set."""

    def __init__(
        self, database: Database, settings: QueueSettings, stopping: threading.Event
    ) -> None:
        self._database = database
        self._settings = settings
        self._stopping = stopping
        self._isolations = RowIsolations(database, at_most=job_maintenance.CHUNK)

    def run(self) -> int:
        """How many jobs were deleted. Raises DatabaseUnavailable, as each other kind would."""
        settings = self._settings
        runs = partial(schedule_ledger.prune_runs, retention=settings.ledger_retention)
        keys = partial(idempotency_keys.prune_keys, retention=KEYS_KEPT)
        instances = partial(service_instances.prune_instances, retention=INSTANCES_KEPT)
        jobs = _Jobs(settings.retention)
        self._rows("job.pruned", jobs, then=jobs.count, deleted=lambda: jobs.deleted)
        self._rows("schedule_run.pruned", runs)
        self._kind("schedule_run.orphans_pruned", self._orphans)
        self._rows("evidence.pruned", discovery.forget_evidence)
        self._rows("idempotency_key.pruned", keys)
        self._rows("instance.pruned", instances)
        return jobs.deleted

    def _rows(
        self,
        action: str,
        change: Change,
        *,
        then: Callable[[], None] = lambda: None,
        deleted: Callable[[], int] | None = None,
    ) -> None:
        """`deleted` counts when the changes count something else too."""
        isolation = self._isolations.of(action)

        def prune() -> int:
            changed = isolation.run(change, then=then, goes_on=lambda: not self._stopping.is_set())
            return changed if deleted is None else deleted()

        self._kind(action, prune)

    def _orphans(self) -> int:
        """What is left in the ledger of deleted schedules, schedule by schedule."""
        orphans = _Orphans()
        for _ in range(PIECES_MAX):
            self._database.run(orphans)
            if not orphans.more or self._stopping.is_set():
                break
        return orphans.deleted

    def _kind(self, action: str, prune: Callable[[], int]) -> None:
        try:
            total = prune()
        except errors.DatabaseUnavailable:
            raise
        except Exception:  # what else is old must not pile up behind a bug in this kind
            log.exception("prune.failed", action=action)
            return
        if total:
            log.info(action, count=total)


class _Jobs:
    """A piece may delete attempts alone, of a job that has many; those are no jobs."""

    def __init__(self, retention: timedelta) -> None:
        self.deleted = 0
        self._retention = retention
        self._in_piece = 0

    def __call__(self, conn: Connection, *, at_most: int, skip: int) -> int:
        pruned = job_pruning.prune_finished_jobs(
            conn, retention=self._retention, at_most=at_most, skip=skip
        )
        self._in_piece = pruned.jobs
        return at_most if pruned.more else min(pruned.jobs, at_most - 1)

    def count(self) -> None:
        """After the commit of a piece."""
        self.deleted += self._in_piece


class _Orphans:
    def __init__(self) -> None:
        self.deleted = 0
        self.more = True
        self._beyond = 0

    def __call__(self, conn: Connection) -> None:
        orphans = schedule_ledger.prune_runs_of_deleted(conn, beyond=self._beyond)
        self._beyond = orphans.beyond or self._beyond
        self.more = orphans.beyond is not None
        self.deleted += orphans.deleted
