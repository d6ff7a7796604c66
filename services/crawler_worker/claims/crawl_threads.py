"""A pool of threads in which the worker crawls subreddits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from crawler_worker.claims.held_claim import HeldClaim


class CrawlThreads:
    """Crawls claimed jobs in threads. Each thread crawls one job at a time.

    A thread calls `on_free` in two cases:

    - The thread has taken a claim, and no other claim waits for a thread.
    - The thread has ended a crawl, and no claim waits for a thread.

    Only one idle thread is woken at a time. If more claims wait, the woken thread wakes the next
    idle thread before it crawls. A thread that ends its crawl takes the next waiting claim itself.
    So one thread crawls many very short jobs without a thread switch.
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
        self._waking = False  # whether a thread was notified and has not taken its claim yet
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._done = threading.Condition(self._lock)

    def start(self, claims: Sequence[HeldClaim]) -> None:
        """Start the crawls of these claims. Add threads until each waiting claim has a thread."""
        with self._lock:
            self._waiting.extend(claims)
            for _ in range(len(self._crawling) + len(self._waiting) - self._threads):
                self._threads += 1
                name = f"crawl-{self._threads}"
                threading.Thread(target=self._run, name=name, daemon=True).start()
            self._wake_one()

    def all(self) -> list[HeldClaim]:
        """Return the claims that are being crawled, and the claims that wait for a thread."""
        with self._lock:
            return [*self._crawling, *self._waiting]

    def has_waiting(self) -> bool:
        """Return whether a claim waits for a thread."""
        with self._lock:
            return bool(self._waiting)

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait at most `seconds` until all crawls have ended. Return whether all have ended."""
        with self._lock:
            return self._done.wait_for(lambda: not self._crawling and not self._waiting, seconds)

    def _wake_one(self) -> None:
        if self._waiting and self._idle and not self._waking:
            self._waking = True
            self._work.notify()

    def _run(self) -> None:
        try:
            while True:
                held = self._next()
                try:
                    self._crawl(held)
                finally:
                    has_waiting = self._leave(held)
                if not has_waiting:
                    self._on_free()
        finally:
            with self._lock:
                self._threads -= 1

    def _next(self) -> HeldClaim:
        """Wait for a claim, and take it. If no other claim waits, call `on_free`."""
        with self._lock:
            self._idle += 1
            while not self._waiting:
                self._work.wait()
                self._waking = False
            self._idle -= 1
            held = self._waiting.popleft()
            self._crawling.add(held)
            has_waiting = bool(self._waiting)
            self._wake_one()
        if not has_waiting:
            self._on_free()
        return held

    def _leave(self, held: HeldClaim) -> bool:
        """Remove a claim after its crawl. Return whether another claim waits for a thread."""
        with self._lock:
            self._crawling.discard(held)
            if not self._waiting:
                self._done.notify_all()
            return bool(self._waiting)
