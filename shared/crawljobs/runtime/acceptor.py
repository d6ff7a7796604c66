"""Accepting connections: several at a time, whatever error accept raises.

A server that accepts one connection in each turn of its loop lets the kernel's queue fill while
attackers connect; a probe then waits for the whole queue, or for the kernel to try again after
one second.
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
DESCRIPTORS_USED_UP = errno.EMFILE  # by this process: closing one of its connections helps
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# The listener itself is broken. Every other error is one of a connection that failed before it
# was accepted: ECONNABORTED, EPROTO, EPERM, and the network errors that Linux passes on.
LISTENER_BROKEN = (errno.EBADF, errno.EINVAL, errno.ENOTSOCK)


class Acceptor:
    """For one thread, and for listeners that do not block."""

    def __init__(
        self,
        *,
        begin: Callable[[socket.socket, Any], None],
        make_room: Callable[[], bool],
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`begin(client, address)` takes a connection over, at most `most` in one call of `accept`.

        `make_room` closes an idle connection; False when there is none.
        """
        self._begin = begin
        self._make_room = make_room
        self._most = most
        self._clock = clock
        self._paused_until = 0.0
        self._lines = LogLimit()

    @property
    def pause_seconds(self) -> float:
        """Until it makes sense to accept again; 0 for now."""
        return max(0.0, self._paused_until - self._clock())

    def accept(self, listener: socket.socket) -> None:
        """Raises OSError when the listener itself is broken."""
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
