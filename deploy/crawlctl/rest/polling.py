"""Polls an object until it changes or is in its final state: every 2 s, later every 5 s."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.rest.client import NOT_MODIFIED, Client, Query

FIRST_SECONDS, LATER_SECONDS = 2.0, 5.0
FIRST_POLLS = 15  # the interval is FIRST_SECONDS for this number of polls, then LATER_SECONDS


@dataclass(frozen=True)
class Poller:
    """Reads an object again and again. `deadline` is a time of `time.monotonic`, or None.

    If the server does not answer, the poller continues until the deadline, and calls `report` with
    the reason. Without a deadline, it raises the error.
    """

    client: Client
    deadline: float | None
    report: Callable[[str], None] = lambda line: None
    sleep: Callable[[float], None] = time.sleep
    first_seconds: float = FIRST_SECONDS

    def changes(self, path: str, query: Query | None = None) -> Iterator[Any]:
        """Yield the object now and after each change.

        Raises CommandFailed with the code WAIT_RAN_OUT at the deadline. Raises Refused if the
        server refuses the request.
        """
        etag, polls, last = None, 0, object()
        while True:
            try:
                reply = self.client.get(path, query, etag=etag)
            except CommandFailed as error:
                if error.code is not ExitCode.UNREACHABLE or self.deadline is None:
                    raise
                self.report(str(error))
            else:
                if reply.status != NOT_MODIFIED and reply.body != last:
                    etag, last = reply.etag, reply.body
                    yield last
            polls += 1
            self._pause(polls)

    def until(self, path: str, is_over: Callable[[Any], bool]) -> Any:
        """Return the object as soon as `is_over` returns True for it. Raises as `changes` does."""
        for found in self.changes(path):
            if is_over(found):
                return found
        raise AssertionError("changes() has no end")

    def _pause(self, polls: int) -> None:
        seconds = self.first_seconds if polls <= FIRST_POLLS else LATER_SECONDS
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise CommandFailed("The time of the wait has ended.", ExitCode.WAIT_RAN_OUT)
            seconds = min(seconds, left)
        self.sleep(seconds)
