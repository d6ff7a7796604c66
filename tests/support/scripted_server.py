"""A real local HTTP server. The script of a test sends each byte of its replies."""

import contextlib
import http.server
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any


class Exchange(http.server.BaseHTTPRequestHandler):
    """One request. `send` sends a reply, and `wfile` accepts raw bytes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise the write of the body would wait for 40 ms
    script: "Callable[[Exchange], None]"

    def send(self, status: int, content: bytes, **headers: str) -> None:
        self.start(status, **{"content-length": str(len(content)), **headers})
        self.wfile.write(content)

    def start(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.body = self.rfile.read(length)
        if len(self.body) < length:  # the client ended before it had sent the whole body
            self.close_connection = True
            return
        # In some tests, the client closes the connection before it has read the reply.
        with contextlib.suppress(ConnectionError):
            self.script(self)

    do_POST = do_DELETE = do_CONNECT = do_GET  # noqa: N815 - the names that http.server calls

    def drip(
        self, piece: bytes, *, before: bytes = b"", every: float = 0.02, at_most: float = 60.0
    ) -> None:
        """Write `piece` again and again until the client disconnects, for `at_most` seconds."""
        self.close_connection = True
        self.wfile.write(before)
        hung_up = threading.Event()  # never set: only the next write detects a disconnect
        for _ in range(int(at_most / every)):
            self.wfile.write(piece)
            hung_up.wait(every)

    def hang_up(self) -> None:
        """End the connection without a reply."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client disconnects if it does not trust the certificate.
        if not isinstance(sys.exc_info()[1], ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def serve(
    script: Callable[[Exchange], None],
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Iterator[str]:
    """Run a server, and yield its address. With `tls`, it is an https address."""
    handler = type("Scripted", (Exchange,), {"script": staticmethod(script)})
    server = Server((host, 0), handler)
    if tls is not None:
        # Each connection's thread does the TLS handshake, so that one client cannot block others.
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
