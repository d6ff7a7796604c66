"""A connection whose requests are whole before a thread has anything to do with them."""

from __future__ import annotations

import socket

from gunicorn import http  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]

from admin_api.server.arriving_request import ArrivingRequest, ReceivedBytes

# For a piece of an answer; what the kernel takes meanwhile holds most answers whole, so that
# a client that does not read holds no thread.
SEND_SECONDS = 5.0
SEND_BUFFER_BYTES = 256 * 1024


class Connection(TConn):  # type: ignore[misc] # the base has no types
    def __init__(self, cfg: object, sock: socket.socket, client: object, server: object) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().__init__(cfg, sock, client, server)
        self.arriving = ArrivingRequest()
        self.held_bytes = 0  # in memory, of its request
        self.came_at = 0.0  # when its request was whole
        self.waits_since = 0.0  # for its next request to begin, on the monotonic clock
        self.data_ready = True  # gunicorn need not wait for any

    def init(self) -> None:
        """In a thread, before the parser is asked for the request."""
        self.sock.settimeout(SEND_SECONDS)
        self.parser = http.get_parser(self.cfg, ReceivedBytes(self.arriving), self.client)
        self.arriving.received = bytearray()
