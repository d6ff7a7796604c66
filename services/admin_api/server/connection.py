"""A client connection. Its request is complete before a thread handles it."""

from __future__ import annotations

import socket

from gunicorn import http  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]

from admin_api.server.arriving_request import ArrivingRequest, ReceivedBytes

SEND_SECONDS = 5.0  # limit for sending a piece of a response
SEND_BUFFER_BYTES = 256 * 1024  # holds most responses, so that a slow client holds no thread


class Connection(TConn):  # type: ignore[misc] # the base has no types
    def __init__(self, cfg: object, sock: socket.socket, client: object, server: object) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().__init__(cfg, sock, client, server)
        self.arriving = ArrivingRequest()
        self.held_bytes = 0  # size of its request in memory
        self.arrived_at = 0.0  # monotonic time at which its request was complete
        self.waits_since = 0.0  # monotonic time of the start of its wait for a request
        self.data_ready = True  # keeps gunicorn from waiting for data

    def init(self) -> None:
        """Prepare the parser. gunicorn calls it in the thread that handles the request."""
        self.sock.settimeout(SEND_SECONDS)
        self.parser = http.get_parser(self.cfg, ReceivedBytes(self.arriving), self.client)
        self.arriving.received = bytearray()
