"""The threads that crawl, used again and again."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from crawler_worker.claims.held_claim import HeldClaim


class CrawlThreads:
    """One claim at a time in each thread; `on_free` is called when nothing waits for one.

    Only one thread at a time is woken, and it wakes the next one before it begins to crawl. So
    crawls that wait for the network all start at once, and jobs of no work are done by one thread
    in a row instead of by as many as there are.
    """

    def __init__(
        self, crawl: Callable[[HeldClaim], None], *, on_free: Callable[[], object]
    ) -> None:
        self._crawl = crawl
        self._on_free = on_free
        self._waiting: deque[HeldClaim] = deque()
        self._crawling: set[HeldClaim] = set()
        self._threads = 0
        self._idle = 0
        self._called = False  # a thread was woken and is on its way
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._done = threading.Condition(self._lock)

    def start(self, claims: Sequence[HeldClaim]) -> None:
        """Crawl these, each at once: there are as many threads as crawls, hanging ones included."""
        with self._lock:
            self._waiting.extend(claims)
            for _ in range(len(self._crawling) + len(self._waiting) - self._threads):
                self._threads += 1
                name = f"crawl-{self._threads}"
                threading.Thread(target=self._run, name=name, daemon=True).start()
            self._call_one()

    def all(self) -> list[HeldClaim]:
        """What is being crawled, or will be in a moment."""
        with self._lock:
            return [*self._crawling, *self._waiting]

    def has_waiting(self) -> bool:
        """Whether a claim waits for its thread to wake. Without the lock: whoever hands over an end
        asks under the writer's, which is taken after ours when all have begun."""
        return bool(self._waiting)

    def wait_until_idle(self, seconds: float) -> bool:
        """Whether every crawl has come to its end."""
        with self._lock:
            return self._done.wait_for(lambda: not self._crawling and not self._waiting, seconds)

    def _call_one(self) -> None:
        if self._waiting and self._idle and not self._called:
            self._called = True
            self._work.notify()

    def _run(self) -> None:
        try:
            while True:
                held = self._next()
                try:
                    self._crawl(held)
                finally:
                    with self._lock:
                        self._crawling.discard(held)
        finally:
            with self._lock:
                self._threads -= 1
                self._done.notify_all()

    def _next(self) -> HeldClaim:
        with self._lock:
            if not self._waiting:
                self._on_free()
                self._done.notify_all()
                self._idle += 1
                while not self._waiting:
                    self._work.wait()
                    self._called = False
                self._idle -= 1
            held = self._waiting.popleft()
            self._crawling.add(held)
            if self._waiting:
                self._call_one()
            else:
                self._on_free()
            return held
