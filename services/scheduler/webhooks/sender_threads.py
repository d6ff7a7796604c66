"""The threads that send deliveries. They start when they are needed, and end with the process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from crawljobs.runtime import logs

log = logs.get_logger(__name__)

Item = TypeVar("Item")


class SenderThreads(Generic[Item]):
    """Calls `work` for each item in at most `most` threads. `work` should handle its errors."""

    def __init__(self, work: Callable[[Item], None], *, most: int) -> None:
        self._work = work
        self._most = most
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._busy = 0
        self._threads = 0

    def put(self, item: Item) -> None:
        with self._lock:
            self._busy += 1
            if self._busy > self._threads and self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._run, name="webhook-sender", daemon=True).start()
        self._items.put(item)

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
