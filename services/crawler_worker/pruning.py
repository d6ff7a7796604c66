"""Deletes what is old, each kind in pieces of its own; one kind that fails stops no other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from crawljobs import errors, logs
from crawljobs.db.database import Connection, Database
from crawljobs.repository import (
    discovery,
    idempotency_keys,
    job_maintenance,
    job_pruning,
    schedule_runs,
    service_instances,
)
from crawljobs.settings import QueueSettings

log = logs.get_logger(__name__)

# Each piece is its own short transaction; a kind with a huge backlog goes on an interval later.
PIECES_MAX = 1_000
KEYS_KEPT = timedelta(days=1)  # answers to requests that callers may repeat
INSTANCES_KEPT = timedelta(days=1)  # processes that were not seen any more


@dataclass(frozen=True)
class Piece:
    """What one transaction deleted, and whether there may be more."""

    deleted: int
    more: bool


class Pruning:
    """Deletes until nothing old is left, or `stopping` is set."""

    def __init__(
        self, database: Database, settings: QueueSettings, stopping: threading.Event
    ) -> None:
        self._database = database
        self._settings = settings
        self._stopping = stopping

    def run(self) -> int:
        """How many jobs were deleted. Raises DatabaseUnavailable, as each other kind would."""
        settings = self._settings
        runs = partial(schedule_runs.prune_runs, retention=settings.ledger_retention)
        keys = partial(idempotency_keys.prune_keys, retention=KEYS_KEPT)
        instances = partial(service_instances.prune_instances, retention=INSTANCES_KEPT)
        evidence = partial(discovery.forget_evidence, at_most=job_maintenance.CHUNK)
        jobs = self._kind("job.pruned", self._jobs)
        self._kind("schedule_run.pruned", _counted(runs))
        self._kind("schedule_run.orphans_pruned", _Orphans())
        self._kind("evidence.forgotten", _counted(evidence))
        self._kind("idempotency_key.pruned", _counted(keys))
        self._kind("instance.pruned", _counted(instances))
        return jobs

    def _jobs(self, conn: Connection) -> Piece:
        pruned = job_pruning.prune_finished_jobs(conn, retention=self._settings.retention)
        return Piece(pruned.jobs, pruned.more)

    def _kind(self, action: str, piece: Callable[[Connection], Piece]) -> int:
        total = 0
        try:
            for _ in range(PIECES_MAX):
                pruned = self._database.run(piece)
                total += pruned.deleted
                if not pruned.more or self._stopping.is_set():
                    break
        except errors.DatabaseUnavailable:
            raise
        except Exception:  # what else is old must not pile up behind a bug in this kind
            log.exception("prune.failed", action=action)
        if total:
            log.info(action, count=total)
        return total


def _counted(prune: Callable[[Connection], int]) -> Callable[[Connection], Piece]:
    def piece(conn: Connection) -> Piece:
        deleted = prune(conn)
        return Piece(deleted, more=deleted >= job_maintenance.CHUNK)

    return piece


class _Orphans:
    """What is left in the ledger of deleted schedules, schedule by schedule."""

    def __init__(self) -> None:
        self._beyond = 0

    def __call__(self, conn: Connection) -> Piece:
        orphans = schedule_runs.prune_runs_of_deleted(conn, beyond=self._beyond)
        # Of a piece that is rolled back the rest is left to the next turn.
        self._beyond = orphans.beyond or self._beyond
        return Piece(orphans.deleted, more=orphans.beyond is not None)
