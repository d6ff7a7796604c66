"""Closes a connection after its last response, when the client closes it or a delay has passed.

If the server closed the connection at once, bytes that the client still sends would cause a TCP
reset. A reset can destroy the response before the client has read it.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from functools import partial

from admin_api.server.connection import Connection

LINGER_SECONDS = 2.0
STOP_LINGER_SECONDS = 0.5  # replaces LINGER_SECONDS while the process stops
LINGER_BYTES = 16 * 1024 * 1024
PIECE_BYTES = 64 * 1024


class LeavingConnections:
    """Holds connections that have sent their last response, in the order of their last responses.

    Not thread-safe: only the thread of the event loop may use this object.
    """

    def __init__(self, close: Callable[[Connection], None]) -> None:
        """`close` must close the connection and call this object's `forget`."""
        self._close = close
        # The number of bytes that were read and dropped, by connection.
        self._discarded: dict[Connection, int] = {}

    def add(self, conn: Connection, poller: selectors.BaseSelector, *, stops: bool) -> None:
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))
        except OSError:
            self._close(conn)
            return
        conn.timeout = time.monotonic() + (STOP_LINGER_SECONDS if stops else LINGER_SECONDS)
        self._discarded[conn] = 0

    def _discard(self, conn: Connection, sock: socket.socket) -> None:
        """Read and drop bytes from the client, so that closing the socket sends no TCP reset."""
        if conn not in self._discarded:
            return  # the connection was closed earlier in this iteration of the event loop
        try:
            piece = sock.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self._discarded[conn] += len(piece)
        if not piece or self._discarded[conn] > LINGER_BYTES:
            self._close(conn)

    def forget(self, conn: Connection) -> None:
        self._discarded.pop(conn, None)

    def close_oldest(self) -> bool:
        """Close the connection that was added first. Return False if there is no connection."""
        for conn in self._discarded:
            self._close(conn)
            return True
        return False

    def close_late(self, now: float) -> None:
        for conn in [conn for conn in self._discarded if conn.timeout <= now]:
            self._close(conn)

    def shorten_deadlines(self, deadline: float) -> None:
        for conn in self._discarded:
            conn.timeout = min(conn.timeout, deadline)
