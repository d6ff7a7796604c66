"""Collects incomplete requests in the event loop, so that no thread waits for a client's bytes."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial

from admin_api.server import http_rules
from admin_api.server.arriving_request import ArrivingRequest, State
from admin_api.server.connection import Connection

PIECE_BYTES = 64 * 1024
# The limit of memory for all requests together, while they arrive or are served.
HELD_BYTES_MAX = 32 * 1024 * 1024
# When the process begins to stop, the rest of a request's head must arrive within
# STOP_HEAD_SECONDS, and the rest of its body within STOP_BODY_SECONDS.
STOP_HEAD_SECONDS = 1.0
STOP_BODY_SECONDS = 3.0


class ArrivingConnections:
    """Holds the connections whose requests are arriving, in the order in which they were added.

    Only the thread of the event loop may use this object.
    """

    def __init__(
        self,
        *,
        serve: Callable[[Connection], None],
        refuse: Callable[[Connection, http_rules.Refused], None],
        close: Callable[[Connection], None],
    ) -> None:
        """Each callback must call `forget` for the connection that it serves, refuses or closes."""
        self._serve = serve
        self._refuse = refuse
        self._close = close
        self._connections: dict[Connection, None] = {}
        self._held_bytes = 0

    def add(self, conn: Connection, poller: selectors.BaseSelector, received: bytes = b"") -> None:
        """Start to collect a request. `received` holds the bytes that have already arrived."""
        try:
            conn.sock.setblocking(False)
            poller.register(conn.sock, selectors.EVENT_READ, partial(self.read, conn))
        except OSError:
            self._close(conn)
            return
        conn.arriving = ArrivingRequest()
        conn.waits_since = time.monotonic()
        self._connections[conn] = None
        if received:
            self._take(conn, received)

    def read(self, conn: Connection, sock: socket.socket) -> None:
        if conn not in self._connections:
            return  # the connection was closed earlier in this iteration of the event loop
        try:
            piece = sock.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._close(conn)
            return
        if piece:
            self._take(conn, piece)
        elif conn.arriving.state is State.BODY:
            conn.arriving.stop(State.BROKEN_OFF)
            self._serve(conn)
        else:
            self._close(conn)

    def _take(self, conn: Connection, piece: bytes) -> None:
        self._held_bytes += len(piece)
        conn.held_bytes += len(piece)
        try:
            conn.arriving.add(piece)
        except http_rules.Refused as error:
            self._refuse(conn, error)
            return
        if conn.arriving.is_over:
            self._serve(conn)
        elif self._held_bytes > HELD_BYTES_MAX:
            largest = max(self._connections, key=lambda each: each.held_bytes)
            self._refuse(largest, http_rules.overload())
        elif conn.arriving.waits_to_send:
            with contextlib.suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def forget(self, conn: Connection) -> None:
        self._connections.pop(conn, None)

    def release_memory(self, conn: Connection) -> None:
        """Subtract the size of the connection's request from the memory of all requests.

        Call this function when the memory of the request is freed.
        """
        self._held_bytes -= conn.held_bytes
        conn.held_bytes = 0

    def oldest(self) -> Connection | None:
        return next(iter(self._connections), None)

    def stop_late(self, now: float) -> None:
        """Serve, refuse or close the connections whose requests are past their deadlines."""
        for conn in [conn for conn in self._connections if conn.arriving.deadline <= now]:
            if conn.arriving.state is State.BODY:
                # The body is late. The application checks the token, and then responds 408.
                conn.arriving.stop(State.LATE)
                self._serve(conn)
            elif conn.arriving.received:
                self._refuse(conn, http_rules.late())
            else:
                self._close(conn)

    def shorten_deadlines(self, stops_since: float) -> None:
        """Shorten the deadlines of all requests, because the process stops.

        `stops_since` is the monotonic time at which the process began to stop.
        """
        for conn in self._connections:
            has_head = conn.arriving.state is State.BODY
            longest = STOP_BODY_SECONDS if has_head else STOP_HEAD_SECONDS
            conn.arriving.deadline = min(conn.arriving.deadline, stops_since + longest)
