"""Connections that are done with: closed when the client has closed, or soon.

A close at once would be a reset when something is on its way to us, and a reset destroys the
answer that the client has not read yet.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from functools import partial

from admin_api.server.connection import Connection

LINGER_SECONDS = 2.0
STOP_LINGER_SECONDS = 0.5  # once the process is to end
LINGER_BYTES = 16 * 1024 * 1024
PIECE_BYTES = 64 * 1024


class LeavingConnections:
    """Used by the loop's thread alone; in the order of their deadlines."""

    def __init__(self, close: Callable[[Connection], None]) -> None:
        """`close` closes for good; it calls `forget`."""
        self._close = close
        self._thrown_away: dict[Connection, int] = {}  # bytes

    def add(self, conn: Connection, poller: selectors.BaseSelector, *, stops: bool) -> None:
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            poller.register(conn.sock, selectors.EVENT_READ, partial(self._throw_away, conn))
        except OSError:
            self._close(conn)
            return
        conn.timeout = time.monotonic() + (STOP_LINGER_SECONDS if stops else LINGER_SECONDS)
        self._thrown_away[conn] = 0

    def _throw_away(self, conn: Connection, sock: socket.socket) -> None:
        if conn not in self._thrown_away:
            return  # closed meanwhile, in this turn of the loop
        try:
            piece = sock.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self._thrown_away[conn] += len(piece)
        if not piece or self._thrown_away[conn] > LINGER_BYTES:
            self._close(conn)

    def forget(self, conn: Connection) -> None:
        self._thrown_away.pop(conn, None)

    def close_oldest(self) -> bool:
        """Whether there was one."""
        for conn in self._thrown_away:
            self._close(conn)
            return True
        return False

    def close_late(self, now: float) -> None:
        for conn in [conn for conn in self._thrown_away if conn.timeout <= now]:
            self._close(conn)

    def hurry(self, deadline: float) -> None:
        for conn in self._thrown_away:
            conn.timeout = min(conn.timeout, deadline)
