"""gunicorn's threaded worker, which answers what is not HTTP as we answer everything else."""

from __future__ import annotations

import errno
import json
import socket
import time
import uuid
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from admin_api import security_headers
from crawljobs import logs

log = logs.get_logger(__name__)

SEND_SECONDS = 2.0  # the caller may have stopped reading
# For a request to arrive, from its first byte to the last of its body: a client that sends a byte
# now and then would hold a thread for hours.
ARRIVE_SECONDS = 15.0
SILENCE_SECONDS = 10.0  # between two pieces of it

_STATUSES: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (http_errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (http_errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (http_errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (http_errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (http_errors.ParseException, HTTPStatus.BAD_REQUEST),
)


def status_of(error: BaseException) -> HTTPStatus:
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def answer(status: HTTPStatus, request_id: str) -> bytes:
    """A whole response with a problem, after which the connection is closed."""
    body = json.dumps(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "detail": "The request could not be read as HTTP.",
            "instance": "",
            "code": status.name.lower(),
            "request_id": request_id,
            "errors": [],
        }
    ).encode()
    headers = {
        "Connection": "close",
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "X-Request-Id": request_id,
        **security_headers.HEADERS,
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class BoundedSocket:
    """What a connection is read through: each request has so long to arrive."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = 0.0
        self.expect_request()

    def expect_request(self) -> None:
        self._deadline = time.monotonic() + ARRIVE_SECONDS

    def recv(self, size: int) -> bytes:
        """Raises TimeoutError when the request is late."""
        before = self._connection.gettimeout()
        left = min(self._deadline - time.monotonic(), before or SILENCE_SECONDS, SILENCE_SECONDS)
        try:
            self._connection.settimeout(max(left, 0.001))  # 0 would mean: do not wait
            return self._connection.recv(size)
        except TimeoutError:
            # The number tells gunicorn that this is the client's doing and needs no traceback.
            raise TimeoutError(errno.ENOTCONN, "the request did not arrive in time") from None
        finally:
            self._connection.settimeout(before)

    def gettimeout(self) -> float | None:
        return self._connection.gettimeout()

    def settimeout(self, seconds: float | None) -> None:
        self._connection.settimeout(seconds)


class Worker(ThreadWorker):  # type: ignore[misc] # the base has no types
    def handle(self, conn: Any) -> Any:
        """Each call is for one request of the connection, or for as much as came of it."""
        if conn.parser is not None:
            conn.parser.unreader.sock.expect_request()
        else:
            _bound(conn)
        return super().handle(conn)

    def handle_error(
        self, req: object, client: socket.socket, addr: object, exc: BaseException
    ) -> None:
        """Neither log nor repeat what was sent: a header typed wrongly may hold the token."""
        status = status_of(exc)
        request_id = uuid.uuid4().hex
        is_bug = status is HTTPStatus.INTERNAL_SERVER_ERROR
        write = log.error if is_bug else log.warning
        write(
            "http.unreadable",
            error=type(exc).__name__,
            status=status.value,
            request_id=request_id,
            exc_info=exc if is_bug else None,
        )
        try:
            client.settimeout(SEND_SECONDS)
            client.sendall(answer(status, request_id))
        except OSError:
            log.info("http.unanswered", request_id=request_id)


def _bound(conn: Any) -> None:
    """Let the parser, which the connection makes when data came, read through a BoundedSocket."""
    init = conn.init

    def bounded_init() -> None:
        is_new = conn.parser is None
        init()
        if is_new:
            conn.parser.unreader.sock = BoundedSocket(conn.sock)

    conn.init = bounded_init
