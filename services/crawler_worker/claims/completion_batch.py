"""Writes a batch of completions, with one statement for each verb (complete, fail, defer, ...)."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from crawler_worker.claims import claim_counters
from crawler_worker.claims.pending_completion import PendingCompletion
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.transitions import Transition
from crawljobs.repository.queue import job_completion
from crawljobs.repository.queue.job_completion import WriteResult
from crawljobs.runtime import logs

log = logs.get_logger(__name__)


def write(
    database: Database,
    batch: Sequence[PendingCompletion],
    *,
    on_watched: Callable[[], object],
) -> list[PendingCompletion]:
    """Write the completions. Return the completions that must be tried again.

    A completion must be tried again if its job's row is locked, or if the database is unreachable.

    - `on_result` of a completion is called when its result is final.
    - `on_watched` is called after the commit if steps depend on an ended job.
    """
    by_verb: dict[Transition, list[PendingCompletion]] = defaultdict(list)
    for pending in batch:
        if pending.held.is_lost():
            pending.lost()
        else:
            by_verb[pending.completion.verb].append(pending)
    return [
        pending
        for group in by_verb.values()
        for pending in _write_verb(database, group, on_watched)
    ]


def _write_verb(
    database: Database, batch: list[PendingCompletion], on_watched: Callable[[], object]
) -> list[PendingCompletion]:
    """Write completions of one verb with one statement. Return the completions to try again."""
    try:
        results = database.run_statement(lambda conn: _complete(conn, batch))
    except errors.DatabaseUnavailable as error:
        for pending in batch:
            log.warning("completion.postponed", job_id=pending.job_id, reason=str(error))
        return batch
    except Exception:
        if len(batch) == 1:
            log.exception("completion.failed", job_id=batch[0].job_id)
            batch[0].not_written()
            return []
        # After a failure, each completion is written by its own statement. Otherwise one faulty
        # completion would block all others.
        return [
            again for pending in batch for again in _write_verb(database, [pending], on_watched)
        ]
    if WriteResult.WATCHED in results:
        on_watched()
    return _report(batch, results)


def _complete(conn: Connection, batch: Sequence[PendingCompletion]) -> list[WriteResult]:
    results = job_completion.complete_claims(
        conn, completions=[pending.completion for pending in batch]
    )
    for place, pending in enumerate(batch):
        # STALE can also mean that an earlier try committed this completion, but the reply was lost.
        # Then the completion is already written.
        if results[place] is WriteResult.STALE:
            recorded = job_completion.recorded_outcome(conn, claim=pending.completion.claim)
            if recorded is pending.completion.attempt:
                results[place] = WriteResult.APPLIED
    return results


def _report(
    batch: Sequence[PendingCompletion], results: Sequence[WriteResult]
) -> list[PendingCompletion]:
    """Add written completions to the metrics. Call `on_result` with each final result.

    Return the completions that were not written because another transaction locks their job's row.
    """
    now = time.monotonic()
    of_result: dict[WriteResult, list[PendingCompletion]] = defaultdict(list)
    for pending, result in zip(batch, results, strict=True):
        of_result[result].append(pending)
    written = [*of_result[WriteResult.APPLIED], *of_result[WriteResult.WATCHED]]
    claim_counters.completed(
        [(pending.completion, now - pending.held.requested_at) for pending in written]
    )
    for pending in written:
        pending.written()
    for pending in of_result[WriteResult.STALE]:
        pending.lost()
    return of_result[WriteResult.LOCKED]
