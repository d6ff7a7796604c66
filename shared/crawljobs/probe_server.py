"""Answers /healthz, /readyz, /startupz and /metrics on an address of its own.

For machines in the same network: no token, nothing about jobs but numbers, and every request is
small and short, so that nobody can keep a probe from being answered.
"""

from __future__ import annotations

import os
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

from crawljobs import errors, logs
from crawljobs.settings import ProbeAddress

log = logs.get_logger(__name__)

REQUEST_BYTES = 8_192
REQUEST_SECONDS = 2.0
AT_ONCE = 8  # more are turned away: probes come one at a time
POLL_SECONDS = 0.2  # how soon it notices that it is to end
TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    status: HTTPStatus
    body: bytes
    content_type: str = TEXT


Page = Callable[[], Answer]


class NotWell(Exception):
    """Raised by a check; the message is the answer."""


def check(probe: Callable[[], None]) -> Page:
    """200 when `probe` returns, 503 with its reason when it raises NotWell or a domain error."""

    def page() -> Answer:
        try:
            probe()
        except (NotWell, errors.CrawljobsError) as error:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode())
        return Answer(HTTPStatus.OK, b"ok\n")

    return page


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 32

    def __init__(self, address: ProbeAddress, pages: Mapping[str, Page]) -> None:
        self.pages = pages
        self._free = threading.BoundedSemaphore(AT_ONCE)
        if ":" in address.host:
            self.address_family = socket.AF_INET6
        super().__init__((address.host, address.port), _Handler)

    def process_request(self, request: object, client_address: object) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        log.warning("probes.unanswered", exc_info=True)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        try:
            self._send(*self._answer(self._request_line()))
        except OSError:
            return  # whoever asked has left, or says nothing

    def _request_line(self) -> list[bytes]:
        """The words of the first line; all of the head is read, or the reply could be lost."""
        deadline = time.monotonic() + REQUEST_SECONDS
        read = b""
        while b"\r\n\r\n" not in read and len(read) < REQUEST_BYTES:
            self.request.settimeout(max(0.001, deadline - time.monotonic()))
            part = self.request.recv(4_096)
            if not part:
                break
            read += part
        self.request.settimeout(REQUEST_SECONDS)
        return read.split(b"\r\n", 1)[0].split(b" ")

    def _answer(self, words: list[bytes]) -> tuple[Answer, bool]:
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return Answer(HTTPStatus.BAD_REQUEST, b"not HTTP\n"), True
        if words[0] not in (b"GET", b"HEAD"):
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"only GET\n"), True
        page = self.server.pages.get(words[1].split(b"?", 1)[0].decode("ascii", "replace"))
        if page is None:
            return Answer(HTTPStatus.NOT_FOUND, b"nothing here\n"), words[0] == b"GET"
        try:
            return page(), words[0] == b"GET"
        except Exception:  # a bug in one page must not make the others look dead
            log.exception("probes.failed")
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"see the log\n"), True

    def _send(self, answer: Answer, with_body: bool) -> None:
        head = (
            f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
            f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
            "Connection: close\r\n\r\n"
        ).encode()
        self.request.sendall(head + answer.body if with_body else head)


class ProbeServer:
    """Listens from `start` until `close`; raises SettingsError when the address cannot be used."""

    def __init__(self, address: ProbeAddress, pages: Mapping[str, Page]) -> None:
        try:
            self._server = _Server(address, pages)
        except (OSError, OverflowError) as error:
            raise errors.SettingsError(
                f"PROBE_BIND='{address.host}:{address.port}': cannot be used: {error}"
            ) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="probes", daemon=True
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()
        log.info("probes.listening", port=self.port)

    def abandon(self) -> None:
        """In a process forked from the one that serves: let go of its socket."""
        os.close(self._server.socket.detach())

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
