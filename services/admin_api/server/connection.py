"""A client connection. A thread handles the connection only after its request has arrived."""

from __future__ import annotations

import socket

from gunicorn import http  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]

from admin_api.server.arriving_request import ArrivingRequest, ReceivedBytes

SEND_SECONDS = 5.0  # time limit for sending one piece of a response
SEND_BUFFER_BYTES = 256 * 1024  # size of the send buffer; most responses fit into it


class Connection(TConn):  # type: ignore[misc] # the base has no types
    def __init__(self, cfg: object, sock: socket.socket, client: object, server: object) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().__init__(cfg, sock, client, server)
        self.arriving = ArrivingRequest()
        self.held_bytes = 0  # size of the connection's request in memory
        self.arrived_at = 0.0  # monotonic time when the request was complete
        self.waits_since = 0.0  # monotonic time when the connection began to wait for a request
        self.data_ready = True  # True, so that gunicorn does not wait for the client's data

    def init(self) -> None:
        """Create the parser. gunicorn calls this method in the thread that handles the request."""
        self.sock.settimeout(SEND_SECONDS)
        self.parser = http.get_parser(self.cfg, ReceivedBytes(self.arriving), self.client)
        self.arriving.received = bytearray()
