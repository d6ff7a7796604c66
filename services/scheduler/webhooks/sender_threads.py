"""The threads that send deliveries. They start when they are needed, and end with the process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from crawljobs.runtime import logs
from crawljobs.runtime.log_limit import LogLimit

log = logs.get_logger(__name__)

Item = TypeVar("Item")


class SenderThreads(Generic[Item]):
    """Calls `work` for each item in a thread. `most` is the maximum number of threads.

    `work` must handle its errors. Only one thread may call `prepare` and `put`.
    """

    def __init__(self, work: Callable[[Item], None], *, most: int) -> None:
        self._work = work
        self._most = most
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._busy = 0
        self._threads = 0
        self._limit = LogLimit()

    def prepare(self, count: int) -> int:
        """Start threads until `count` threads are idle, if the system allows so many threads.

        Returns the number of idle threads, at most `count`. The caller puts at most this number of
        items. A further item would wait for a thread, and its claim could end before it is sent.
        """
        while (idle := self._idle()) < count and self._has_started():
            pass
        return max(0, min(idle, count))

    def put(self, item: Item) -> None:
        """Let a thread work on the item. The caller must have called `prepare`."""
        with self._lock:
            self._busy += 1
        self._items.put(item)

    def _idle(self) -> int:
        with self._lock:
            return self._threads - self._busy

    def _has_started(self) -> bool:
        """Start a thread.

        Return False if the limit of threads (`_most`) is reached, or if the system refuses a
        further thread.
        """
        with self._lock:
            if self._threads >= self._most:
                return False
            self._threads += 1
        try:
            threading.Thread(target=self._run, name="webhook-sender", daemon=True).start()
        except RuntimeError as error:
            with self._lock:
                self._threads -= 1
            if self._limit.lines_left_out() is not None:
                log.warning("webhook.sender_not_started", threads=self._threads, reason=str(error))
            return False
        return True

    def _run(self) -> None:
        while True:
            item = self._items.get()
            try:
                self._work(item)
            except Exception:  # an error of one item must not end the thread
                log.exception("webhook.sender_failed")
            finally:
                with self._lock:
                    self._busy -= 1
