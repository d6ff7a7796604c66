"""A thread that writes the completions of claims, several completions with one statement."""

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

# If a completion cannot be written, the thread pauses and tries again. The pauses grow from
# PAUSE_SECONDS to PAUSE_MAX_SECONDS.
PAUSE_SECONDS = 0.05
PAUSE_MAX_SECONDS = 1.0


class CompletionWriter:
    """Writes completions in a thread. Completions that arrive during a write form the next batch.

    The thread retries each write until the database accepts or refuses it, also during an outage.
    Only the time limit of `close` ends the retries. If the job was rescued in the meantime, its
    claim token has changed and the write has no effect.

    - `on_written` is called after each batch, and once more when the thread ends.
    - `on_watched` is called after a batch that ended a job on which steps depend.
    """

    def __init__(
        self,
        database: Database,
        *,
        on_written: Callable[[], object],
        on_watched: Callable[[], object] = lambda: None,
    ) -> None:
        self._database = database
        self._on_written = on_written
        self._on_watched = on_watched
        # A number in the queue closes the writer. It is the monotonic time at which the thread
        # abandons all completions that are not written.
        self._queue: queue.SimpleQueue[PendingCompletion | float] = queue.SimpleQueue()
        self._unwritten = 0
        self._less_unwritten = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="completion-writer", daemon=True)
        self.has_stopped = False
        # Only the writer's thread uses the following attributes.
        self._retries: list[PendingCompletion] = []
        self._give_up_at = math.inf  # monotonic time, in seconds; infinite until `close` is called

    def start(self) -> None:
        self._thread.start()

    def submit(self, held: HeldClaim, completion: Completion, on_result: OnResult) -> None:
        """Queue this claim's completion. The thread calls `on_result` with the result.

        Only the first completion of a claim is written. Later completions are ignored.
        """
        with self._less_unwritten:
            if held.completing:
                return
            held.completing = True
            self._unwritten += 1
        self._queue.put(PendingCompletion(held, completion, on_result))

    def backlog(self) -> int:
        """Return the number of completions that are not written yet."""
        return self._unwritten

    def wait_until_empty(self, seconds: float) -> bool:
        """Wait until all completions are written, at most `seconds`. Return False on a timeout."""
        with self._less_unwritten:
            return self._less_unwritten.wait_for(lambda: not self._unwritten, seconds)

    def close(self, seconds: float) -> None:
        """Stop the thread when all completions are written, and after `seconds` at the latest.

        The thread abandons a completion that is not written in time. A sweep then rescues its job.
        """
        self._queue.put(time.monotonic() + seconds)

    def join(self) -> None:
        """Wait until the thread has ended. Call `close` first. Otherwise the thread never ends."""
        self._thread.join()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._write(batch)
                self._on_written()
        # The thread ends after any error. The claim loop reads `has_stopped` and stops the worker.
        except Exception:
            log.exception("completion_writer.crashed")
        finally:
            self.has_stopped = True
            self._on_written()

    def _next_batch(self) -> list[PendingCompletion]:
        """Wait for completions that are due, and return them. Return [] if the thread must end."""
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
        """Wait for a submitted completion or a due retry. Return all submitted completions."""
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
        """Return how many seconds the thread may wait for a new completion. None means no limit."""
        if self._is_closed() and not self._retries:
            return 0.0
        at = min([self._give_up_at, *(pending.due for pending in self._retries)])
        return None if math.isinf(at) else max(0.0, at - time.monotonic())

    def _is_closed(self) -> bool:
        return math.isfinite(self._give_up_at)

    def _write(self, batch: Sequence[PendingCompletion]) -> None:
        again: list[PendingCompletion] = []
        try:
            again = completion_batch.write(self._database, batch, on_watched=self._on_watched)
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
        # All completions of the batch get the same due time, so that they are tried again together.
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
        self._finish(len(batch))
