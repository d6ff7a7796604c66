"""Accept several connections at a time, and survive every error of accept().

With one accept per loop turn the kernel's backlog fills when many clients connect. A probe then
waits for the whole backlog, or one second for a SYN retransmission.
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
DESCRIPTORS_USED_UP = errno.EMFILE  # limit of this process: closing a connection frees one
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# Every other error belongs to one connection that failed before accept: such as ECONNABORTED.
LISTENER_BROKEN = (errno.EBADF, errno.EINVAL, errno.ENOTSOCK)


class Acceptor:
    """Accepts connections of non-blocking listeners; used by one thread."""

    def __init__(
        self,
        *,
        begin: Callable[[socket.socket, Any], None],
        make_room: Callable[[], bool],
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`begin` takes over one connection; one call of `accept` accepts at most `most`.

        `make_room` closes an idle connection and returns whether there was one.
        """
        self._begin = begin
        self._make_room = make_room
        self._most = most
        self._clock = clock
        self._paused_until = 0.0
        self._lines = LogLimit()

    @property
    def pause_seconds(self) -> float:
        """Seconds until `accept` may be called again; 0 means at once."""
        return max(0.0, self._paused_until - self._clock())

    def accept(self, listener: socket.socket) -> None:
        """Accept the connections that wait. Raises OSError when the listener itself is broken."""
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
