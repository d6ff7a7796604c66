"""Accept several connections at a time, and continue after every error of accept().

If a server accepted only one connection in each turn of its loop, many clients would fill the
kernel's backlog. A probe would then wait for all connections in the backlog. If the backlog is
full, the probe's SYN is lost and sent again after a second.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from typing import Any

from crawljobs.runtime import logs
from crawljobs.runtime.log_limit import LogLimit

log = logs.get_logger(__name__)

PAUSE_SECONDS = 0.05
NONE_WAITS = (errno.EAGAIN, errno.EWOULDBLOCK)
# The process has no free file descriptor. If it closes a connection, a descriptor becomes free.
DESCRIPTORS_USED_UP = errno.EMFILE
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# These errors mean that the listening socket is broken. An error that is in no constant of this
# module, such as ECONNABORTED, means that only one connection failed, before it was accepted.
LISTENER_BROKEN = (errno.EBADF, errno.EINVAL, errno.ENOTSOCK)


class Acceptor:
    """Accepts connections from non-blocking listening sockets. Use an object in one thread only."""

    def __init__(
        self,
        *,
        begin: Callable[[socket.socket, Any], None],
        make_room: Callable[[], bool],
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the functions that `accept` calls. One call accepts at most `most` connections.

        `begin` gets each accepted connection. `make_room` closes a connection to free a file
        descriptor, and returns false if there is no connection to close.
        """
        self._begin = begin
        self._make_room = make_room
        self._most = most
        self._clock = clock
        self._paused_until = 0.0
        self._lines = LogLimit()

    @property
    def pause_seconds(self) -> float:
        """The number of seconds until `accept` may be called again."""
        return max(0.0, self._paused_until - self._clock())

    def accept(self, listener: socket.socket) -> None:
        """Accept the waiting connections. Raises OSError if the listening socket is broken."""
        for _ in range(self._most):
            try:
                client, address = listener.accept()
            except OSError as error:
                if error.errno in NONE_WAITS:
                    return
                if error.errno in LISTENER_BROKEN:
                    raise
                self._log(error)
                if error.errno in EXHAUSTED:
                    self._wait_for_resources(error)
                    return
                continue
            self._begin(client, address)

    def _wait_for_resources(self, error: OSError) -> None:
        has_room = self._make_room()
        if not has_room or error.errno != DESCRIPTORS_USED_UP:
            self._paused_until = self._clock() + PAUSE_SECONDS

    def _log(self, error: OSError) -> None:
        left_out = self._lines.lines_left_out()
        if left_out is not None:
            log.warning("accept.failed", error=str(error), lines_left_out=left_out)
