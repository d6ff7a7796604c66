"""The thread that writes the completions of claims, many by one statement."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Sequence

from crawler_worker.claims import completion_batch
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.pending_completion import OnResult, PendingCompletion
from crawljobs.db.database import Database
from crawljobs.domain.completion import Completion
from crawljobs.runtime import backoff, logs

log = logs.get_logger(__name__)

# The pauses before a completion that was not written is tried again.
PAUSE_SECONDS = 0.05
PAUSE_MAX_SECONDS = 1.0


class CompletionWriter:
    """Writes all completions that were submitted during its last write.

    A completion is tried until the database accepts or refuses it, also after an outage. The claim
    token fences a late write: if the job was rescued in the meantime, nothing changes.
    `on_written` is called after each batch, and when the thread has stopped.
    """

    def __init__(self, database: Database, *, on_written: Callable[[], object]) -> None:
        self._database = database
        self._on_written = on_written
        # A float in place of a completion closes the writer: the monotonic time to give up at.
        self._queue: queue.SimpleQueue[PendingCompletion | float] = queue.SimpleQueue()
        self._unwritten = 0
        self._less_unwritten = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="completion-writer", daemon=True)
        self.has_stopped = False
        # The rest belongs to the thread.
        self._retries: list[PendingCompletion] = []
        self._give_up_at = math.inf  # monotonic time; finite once the writer is closed

    def start(self) -> None:
        self._thread.start()

    def submit(self, held: HeldClaim, completion: Completion, on_result: OnResult) -> None:
        """Queue the completion of this claim; the thread calls `on_result`.

        Only the first completion of a claim is written; later ones are ignored.
        """
        with self._less_unwritten:
            if held.completing:
                return
            held.completing = True
            self._unwritten += 1
        self._queue.put(PendingCompletion(held, completion, on_result))

    def backlog(self) -> int:
        """The number of completions that are not written yet."""
        return self._unwritten

    def wait_until_empty(self, seconds: float) -> bool:
        """Wait at most `seconds`; returns whether every completion was written."""
        with self._less_unwritten:
            return self._less_unwritten.wait_for(lambda: not self._unwritten, seconds)

    def close(self, seconds: float) -> None:
        """Stop the thread once the remaining completions are written, at the latest in `seconds`.

        A completion that is not written in time is abandoned; another worker rescues its job.
        """
        self._queue.put(time.monotonic() + seconds)

    def join(self) -> None:
        """Wait for the thread. Call `close` first: it bounds this wait."""
        self._thread.join()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._write(batch)
                self._on_written()
        except Exception:  # without a writer no claim is completed: has_stopped stops the worker
            log.exception("completion_writer.crashed")
        finally:
            self.has_stopped = True
            self._on_written()

    def _next_batch(self) -> list[PendingCompletion]:
        """Wait for completions that are due and return them; empty once closed and drained."""
        while True:
            submitted = self._take_submitted()
            now = time.monotonic()
            if now >= self._give_up_at:
                self._abandon([*submitted, *self._retries])
                return []
            due = [pending for pending in self._retries if pending.due <= now]
            self._retries = [pending for pending in self._retries if pending.due > now]
            batch = [*submitted, *due]
            if batch or (self._is_closed() and not self._retries):
                return batch

    def _take_submitted(self) -> list[PendingCompletion]:
        """Take all submitted completions; waits for one until the next retry is due."""
        taken: list[PendingCompletion] = []
        timeout = self._seconds_to_wait()
        try:
            self._receive(self._queue.get(timeout=timeout), taken)
            while True:
                self._receive(self._queue.get_nowait(), taken)
        except queue.Empty:
            return taken

    def _receive(self, item: PendingCompletion | float, taken: list[PendingCompletion]) -> None:
        if isinstance(item, PendingCompletion):
            taken.append(item)
        else:
            self._give_up_at = item

    def _seconds_to_wait(self) -> float | None:
        """Seconds until the thread must act without a new completion; None: never."""
        if self._is_closed() and not self._retries:
            return 0.0
        at = min([self._give_up_at, *(pending.due for pending in self._retries)])
        return None if math.isinf(at) else max(0.0, at - time.monotonic())

    def _is_closed(self) -> bool:
        return math.isfinite(self._give_up_at)

    def _write(self, batch: Sequence[PendingCompletion]) -> None:
        again: list[PendingCompletion] = []
        try:
            again = completion_batch.write(self._database, batch)
        finally:
            self._finish(len(batch) - len(again))
        self._postpone(again)

    def _finish(self, number: int) -> None:
        with self._less_unwritten:
            self._unwritten -= number
            self._less_unwritten.notify_all()

    def _postpone(self, batch: Sequence[PendingCompletion]) -> None:
        if not batch:
            return
        # The whole batch gets one due time, so that one statement writes it again.
        failures = max(pending.failures for pending in batch) + 1
        pause = backoff.pause_seconds(failures, first=PAUSE_SECONDS, longest=PAUSE_MAX_SECONDS)
        due = time.monotonic() + pause
        for pending in batch:
            pending.due, pending.failures = due, pending.failures + 1
        self._retries.extend(batch)

    def _abandon(self, batch: Sequence[PendingCompletion]) -> None:
        for pending in batch:
            log.warning("completion.abandoned", job_id=pending.job_id)
            pending.not_written()
        self._retries = []
        self._finish(len(batch))
