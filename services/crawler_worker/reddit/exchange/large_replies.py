"""One large reply at a time in a process: the memory of several would add up."""

from __future__ import annotations

import threading

from crawler_worker.reddit import crawl_failures

LARGE_BYTES = 1024 * 1024
RESUME_SECONDS = 10.0


class LargeReplies:
    """The turn that a thread takes when its reply becomes large and keeps until it is stored."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._mine = threading.local()

    def enter(self, patience: float) -> bool:
        """Take the turn, after at most `patience` seconds; False for a thread that has it already.

        Raises SlotTooLate, so that the job waits in the queue and no attempt is charged.
        """
        if getattr(self._mine, "has_turn", False):
            return False
        if not self._turn.acquire(timeout=patience):
            raise crawl_failures.SlotTooLate(
                "another crawl is still reading a large reply", resume_in=RESUME_SECONDS
            )
        self._mine.has_turn = True
        return True

    def leave(self) -> None:
        """Give the turn back, if the calling thread has it."""
        if getattr(self._mine, "has_turn", False):
            self._mine.has_turn = False
            self._turn.release()
