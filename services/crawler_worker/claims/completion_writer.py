"""The threads that write the ends of claims, many by one statement."""

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

# While one transaction is under way the next is made ready: one alone leaves a core idle.
WRITERS = 2
PAUSE_SECONDS = 0.05  # doubling: before an end that could not be written is tried again
PAUSE_MAX_SECONDS = 1.0

Then = Callable[[Completion, bool], object]  # told whether the end was written


@dataclass
class _Pending:
    held: HeldClaim
    end: Completion
    then: Then
    due: float = 0.0  # on the monotonic clock
    pause: float = PAUSE_SECONDS


class CompletionWriter:
    """What gathers while all writers are busy is written by one statement a verb.

    `are_more_coming` says that others end at any moment: those are waited for, until `write_now`.

    An end is written until the database says whether it counts, through an outage too. The claim's
    token fences it, however late it comes: if the job was rescued meanwhile nothing changes.
    `on_written` is called when there is less to write.
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
            threading.Thread(target=self._run, name=f"end-writer-{n}", daemon=True)
            for n in range(1, WRITERS + 1)
        ]
        self.has_ended = False  # one of them at least

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def hand_over(self, held: HeldClaim, end: Completion, then: Then) -> None:
        """Take on the end of this claim; `then` is called in a writer. The first end counts."""
        with self._lock:
            if held.ending:
                return
            held.ending = True
            self._pending.append(_Pending(held, end, then))
            if not self._are_more_coming():
                self._to_write.notify()

    def write_now(self) -> None:
        """No more are coming for the moment."""
        if self._pending:
            with self._lock:
                self._to_write.notify()

    def backlog(self) -> int:
        """How many ends are not written yet."""
        return len(self._pending) + self._writing

    def wait_until_empty(self, seconds: float) -> bool:
        with self._lock:
            return self._less_left.wait_for(lambda: not self.backlog(), seconds)

    def close(self, seconds: float) -> None:
        """Write what is left, and give up what cannot be written within these seconds.

        Whoever gives up leaves the job to be rescued.
        """
        with self._lock:
            self._is_closed = True
            self._give_up_at = time.monotonic() + seconds
            self._to_write.notify_all()

    def join(self) -> None:
        """After `close`, which bounds it."""
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
        except Exception:  # the worker must not go on claiming what nobody ends
            log.exception("end_writer.died")
        finally:
            self.has_ended = True
            self._on_written()

    def _next_batch(self) -> list[_Pending]:
        """What is due, once something is; nothing when there will be no more."""
        with self._lock:
            while True:
                now = time.monotonic()
                if now >= self._give_up_at:
                    self._give_up()
                due = [one for one in self._pending if one.due <= now]
                if due or (self._is_closed and not self._pending):
                    self._pending = [one for one in self._pending if one.due > now]
                    self._writing += len(due)
                    return due
                next_at = min((one.due for one in self._pending), default=math.inf)
                next_at = min(next_at, self._give_up_at)
                self._to_write.wait(None if math.isinf(next_at) else next_at - now)

    def _write(self, batch: Sequence[_Pending]) -> None:
        lost = [one for one in batch if one.held.is_lost()]
        batch = [one for one in batch if not one.held.is_lost()]
        for one in lost:
            self._lose(one)
        by_verb: dict[Transition, list[_Pending]] = defaultdict(list)
        for one in batch:
            by_verb[one.end.verb].append(one)
        for alike in by_verb.values():
            self._write_alike(alike)

    def _write_alike(self, batch: Sequence[_Pending]) -> None:
        """Ends of one verb are one statement, which needs no transaction around it."""
        try:
            fates = self._database.run_statement(lambda conn: _end(conn, batch))
        except errors.DatabaseUnavailable as error:
            for one in batch:
                log.warning("job.end_postponed", job_id=one.end.claim.job_id, reason=str(error))
            self._postpone(batch)
        except Exception:
            if len(batch) == 1:
                log.exception("job.end_failed", job_id=batch[0].end.claim.job_id)
                batch[0].then(batch[0].end, False)
                return
            for one in batch:  # the one at fault must not keep the others
                self._write_alike([one])
        else:
            self._finish(batch, fates)

    def _finish(self, batch: Sequence[_Pending], fates: Sequence[WriteResult]) -> None:
        now = time.monotonic()
        claim_counters.ended(
            [
                (one.end, now - one.held.asked_at)
                for one, fate in zip(batch, fates, strict=True)
                if fate is WriteResult.APPLIED
            ]
        )
        busy = []
        for one, fate in zip(batch, fates, strict=True):
            if fate is WriteResult.APPLIED:
                one.then(one.end, True)
            elif fate is WriteResult.LOCKED:
                busy.append(one)
            else:
                self._lose(one)
        self._postpone(busy)

    def _lose(self, one: _Pending) -> None:
        one.held.lose()
        log.warning("claim.lost", job_id=one.end.claim.job_id)
        one.then(one.end, False)

    def _postpone(self, batch: Sequence[_Pending]) -> None:
        if not batch:
            return
        # All of them together, so that they are written together.
        pause = max(one.pause for one in batch)
        due = time.monotonic() + jitter.uniform(pause / 2, pause)
        for one in batch:
            one.due, one.pause = due, min(2 * one.pause, PAUSE_MAX_SECONDS)
        with self._lock:
            self._pending.extend(batch)
            self._to_write.notify()  # the other writer may be free when they are due

    def _give_up(self) -> None:
        for one in self._pending:
            log.warning("job.end_given_up", job_id=one.end.claim.job_id)
            one.then(one.end, False)
        self._pending = []


def _end(conn: Connection, batch: Sequence[_Pending]) -> list[WriteResult]:
    fates = job_completion.complete_claims(conn, ends=[one.end for one in batch])
    for place, one in enumerate(batch):
        if fates[place] is WriteResult.STALE:  # or ended by ourselves, and the reply was lost
            recorded_outcome = job_completion.recorded_outcome(conn, claim=one.end.claim)
            if recorded_outcome is one.end.attempt:
                fates[place] = WriteResult.APPLIED
    return fates
