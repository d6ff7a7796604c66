"""Threads that write completions of claims; one statement writes many."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crawler_worker.claims import claim_counters
from crawler_worker.claims.held_claim import HeldClaim
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.completion import Completion
from crawljobs.domain.job import Transition
from crawljobs.repository.queue import job_completion
from crawljobs.repository.queue.job_completion import WriteResult
from crawljobs.runtime import jitter, logs

log = logs.get_logger(__name__)

# Two: one thread prepares the next statement while the other waits for its transaction. A single
# writer leaves a core idle.
WRITERS = 2
PAUSE_SECONDS = 0.05  # before the next try of a completion that was not written; doubles
PAUSE_MAX_SECONDS = 1.0

OnResult = Callable[[Completion, bool], object]  # the bool: whether the completion was written


@dataclass
class _Pending:
    held: HeldClaim
    completion: Completion
    on_result: OnResult
    due: float = 0.0  # time of the next try, on the monotonic clock
    pause: float = PAUSE_SECONDS


class CompletionWriter:
    """Collects completions while all writers are busy, then writes them, one statement a verb.

    While `are_more_coming()` is true, a new completion wakes no writer: it waits for the others
    until `write_now`.

    A completion is tried until the database accepts or refuses it, also after an outage. The claim
    token fences a late write: if the job was rescued in the meantime, nothing changes.
    `on_written` is called after each batch.
    """

    def __init__(
        self,
        database: Database,
        *,
        on_written: Callable[[], object],
        are_more_coming: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._on_written = on_written
        self._are_more_coming = are_more_coming
        self._pending: list[_Pending] = []
        self._writing = 0
        self._give_up_at = math.inf
        self._is_closed = False
        self._lock = threading.Lock()
        self._to_write = threading.Condition(self._lock)
        self._less_left = threading.Condition(self._lock)
        self._threads = [
            threading.Thread(target=self._run, name=f"completion-writer-{n}", daemon=True)
            for n in range(1, WRITERS + 1)
        ]
        self.has_stopped = False  # at least one writer thread has returned

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def submit(self, held: HeldClaim, completion: Completion, on_result: OnResult) -> None:
        """Queue the completion of this claim; a writer thread calls `on_result`.

        Only the first completion of a claim is written; later ones are ignored.
        """
        with self._lock:
            if held.completing:
                return
            held.completing = True
            self._pending.append(_Pending(held, completion, on_result))
            if not self._are_more_coming():
                self._to_write.notify()

    def write_now(self) -> None:
        """Wake a writer: no more completions are expected now."""
        if self._pending:
            with self._lock:
                self._to_write.notify()

    def backlog(self) -> int:
        """The number of completions that are not written yet."""
        return len(self._pending) + self._writing

    def wait_until_empty(self, seconds: float) -> bool:
        """Wait at most `seconds`; returns whether every completion was written."""
        with self._lock:
            return self._less_left.wait_for(lambda: not self.backlog(), seconds)

    def close(self, seconds: float) -> None:
        """Stop the writers once the remaining completions are written, at the latest in `seconds`.

        A completion that is not written in time is abandoned; another worker rescues its job.
        """
        with self._lock:
            self._is_closed = True
            self._give_up_at = time.monotonic() + seconds
            self._to_write.notify_all()

    def join(self) -> None:
        """Wait for the writer threads. Call `close` first: it bounds this wait."""
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                try:
                    self._write(batch)
                finally:
                    with self._lock:
                        self._writing -= len(batch)
                        self._less_left.notify_all()
                self._on_written()
        except Exception:  # without a writer no claim is completed: has_stopped stops the worker
            log.exception("completion_writer.crashed")
        finally:
            self.has_stopped = True
            self._on_written()

    def _next_batch(self) -> list[_Pending]:
        """Wait for completions that are due and return them; empty once closed and drained."""
        with self._lock:
            while True:
                now = time.monotonic()
                if now >= self._give_up_at:
                    self._abandon()
                due = [pending for pending in self._pending if pending.due <= now]
                if due or (self._is_closed and not self._pending):
                    self._pending = [pending for pending in self._pending if pending.due > now]
                    self._writing += len(due)
                    return due
                next_at = min((pending.due for pending in self._pending), default=math.inf)
                next_at = min(next_at, self._give_up_at)
                self._to_write.wait(None if math.isinf(next_at) else next_at - now)

    def _write(self, batch: Sequence[_Pending]) -> None:
        by_verb: dict[Transition, list[_Pending]] = defaultdict(list)
        stale = [pending for pending in batch if pending.held.is_lost()]
        for pending in batch:
            if not pending.held.is_lost():
                by_verb[pending.completion.verb].append(pending)
        for pending in stale:
            self._report_lost(pending)
        for of_one_verb in by_verb.values():
            self._write_one_verb(of_one_verb)

    def _write_one_verb(self, batch: Sequence[_Pending]) -> None:
        """Write completions of one verb by one statement, which needs no explicit transaction."""
        try:
            results = self._database.run_statement(lambda conn: _complete(conn, batch))
        except errors.DatabaseUnavailable as error:
            for pending in batch:
                job_id = pending.completion.claim.job_id
                log.warning("completion.postponed", job_id=job_id, reason=str(error))
            self._postpone(batch)
        except Exception:
            if len(batch) == 1:
                (pending,) = batch
                log.exception("completion.failed", job_id=pending.completion.claim.job_id)
                pending.on_result(pending.completion, False)
                return
            for pending in batch:  # one by one, so that one faulty completion blocks no other
                self._write_one_verb([pending])
        else:
            self._handle_results(batch, results)

    def _handle_results(self, batch: Sequence[_Pending], results: Sequence[WriteResult]) -> None:
        now = time.monotonic()
        claim_counters.completed(
            [
                (pending.completion, now - pending.held.requested_at)
                for pending, result in zip(batch, results, strict=True)
                if result is WriteResult.APPLIED
            ]
        )
        locked = []
        for pending, result in zip(batch, results, strict=True):
            if result is WriteResult.APPLIED:
                pending.on_result(pending.completion, True)
            elif result is WriteResult.LOCKED:
                locked.append(pending)
            else:
                self._report_lost(pending)
        self._postpone(locked)

    def _report_lost(self, pending: _Pending) -> None:
        pending.held.mark_lost()
        log.warning("claim.lost", job_id=pending.completion.claim.job_id)
        pending.on_result(pending.completion, False)

    def _postpone(self, batch: Sequence[_Pending]) -> None:
        if not batch:
            return
        # The whole batch gets one due time, so that one statement writes it again.
        pause = max(pending.pause for pending in batch)
        due = time.monotonic() + jitter.uniform(pause / 2, pause)
        for pending in batch:
            pending.due, pending.pause = due, min(2 * pending.pause, PAUSE_MAX_SECONDS)
        with self._lock:
            self._pending.extend(batch)
            self._to_write.notify()  # an idle writer must wait only until the new due time

    def _abandon(self) -> None:
        for pending in self._pending:
            log.warning("completion.abandoned", job_id=pending.completion.claim.job_id)
            pending.on_result(pending.completion, False)
        self._pending = []


def _complete(conn: Connection, batch: Sequence[_Pending]) -> list[WriteResult]:
    results = job_completion.complete_claims(conn, ends=[pending.completion for pending in batch])
    for place, pending in enumerate(batch):
        # STALE also follows when an earlier try committed and its reply was lost.
        if results[place] is WriteResult.STALE:
            recorded = job_completion.recorded_outcome(conn, claim=pending.completion.claim)
            if recorded is pending.completion.attempt:
                results[place] = WriteResult.APPLIED
    return results
