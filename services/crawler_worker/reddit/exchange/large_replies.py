"""Lets a process read only one large reply at a time, because two at once need too much memory."""

from __future__ import annotations

import threading

from crawler_worker.reddit import crawl_failures

LARGE_BYTES = 1024 * 1024
RESUME_SECONDS = 10.0


class LargeReplies:
    """A lock for large replies. A thread takes the lock after it has read LARGE_BYTES of a reply.
    The thread keeps the lock until the reply is stored."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._mine = threading.local()

    def enter(self, timeout: float) -> bool:
        """Take the lock. Return False if the calling thread already has the lock.

        Raises SlotTooLate if another thread keeps the lock for `timeout` seconds. Then the job is
        deferred, and no attempt is charged.
        """
        if getattr(self._mine, "has_turn", False):
            return False
        if not self._turn.acquire(timeout=timeout):
            raise crawl_failures.SlotTooLate(
                "another crawl is still reading a large reply", resume_in=RESUME_SECONDS
            )
        self._mine.has_turn = True
        return True

    def leave(self) -> None:
        """Release the lock, if the calling thread has it."""
        if getattr(self._mine, "has_turn", False):
            self._mine.has_turn = False
            self._turn.release()
