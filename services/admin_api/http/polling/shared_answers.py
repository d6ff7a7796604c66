"""Shares a computed answer among the requests of a process: many readers cost as much as one.

The answer is the same for each token that may read it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

KEPT_SECONDS = 1.0
# A request waits at most this long for the computation of another request. The database calls of a
# request end earlier (request_deadline.SECONDS), so the other request has a result or an error
# before the limit.
WAIT_SECONDS = 12.0


@dataclass
class _Slot:
    """The latest computed answer for one name, and the computation that runs now, if any."""

    answer: Any = None
    computed_at: float = float("-inf")
    running: Future[Any] | None = None


@dataclass
class SharedAnswers:
    """Keeps the latest answer for each name, such as `budget`.

    At most one thread at a time computes the answer for a name.
    """

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _slots: dict[str, _Slot] = field(default_factory=dict)

    def get(self, name: str, compute: Callable[[], T], *, seconds: float = KEPT_SECONDS) -> T:
        """Return the stored answer for this name if it is younger than `seconds`. Else compute it.

        Only one thread computes the answer. The other threads wait for its result. If the
        computation fails, every waiting thread raises the error.
        """
        with self._lock:
            slot = self._slots.setdefault(name, _Slot())
            if self.clock() - slot.computed_at < seconds:
                return slot.answer  # type: ignore[no-any-return]
            running, is_mine = slot.running, slot.running is None
            if running is None:
                running = slot.running = Future()
        if not is_mine:
            return running.result(timeout=WAIT_SECONDS)  # type: ignore[no-any-return]
        try:
            answer = compute()
        except BaseException as error:
            with self._lock:
                slot.running = None
            running.set_exception(error)
            raise
        with self._lock:
            slot.answer, slot.computed_at, slot.running = answer, self.clock(), None
        running.set_result(answer)
        return answer
