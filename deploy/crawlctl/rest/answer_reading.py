"""Reads answers of a server that may be hostile: a limit of bytes, and a deadline for all bytes."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from crawlctl.failures import CommandFailed

HEAD_SECONDS = 90.0  # limit of the wait for all headers; the server ends each request after 10 s
BODY_SECONDS = 120.0  # limit of the time for the body of an answer that is no export
_PIECE_BYTES = 64 * 1024
_WITHOUT_BODY = frozenset({204, 304})


class AnswerTooSlow(HTTPError):
    """The answer was not complete at its deadline."""


class HeadersIncomplete(HTTPError):
    """The connection broke before all headers of the answer had arrived."""


def read_body(response: urllib3.BaseHTTPResponse, at_most: int) -> bytes:
    """Return the body of an answer.

    If the body has more than `at_most` bytes, close the connection, and return only the first part
    of the body. This part also has more than `at_most` bytes, so the caller can notice that the
    body is too long.

    Raises AnswerTooSlow after BODY_SECONDS. Without this limit of time, a server that sends one
    byte a minute would block the client for a very long time.

    Raises HeadersIncomplete if the body is empty and the headers do not show its end. In this case,
    the connection broke within the headers.
    """
    deadline = time.monotonic() + BODY_SECONDS
    content = bytearray()
    while piece := response.read1(_PIECE_BYTES, decode_content=True):
        content += piece
        if len(content) > at_most:
            response.close()
            break
        if time.monotonic() > deadline:
            response.close()
            raise AnswerTooSlow(f"the answer took more than {BODY_SECONDS:g} s")
    if not (content or is_framed(response) or response.status in _WITHOUT_BODY):
        raise HeadersIncomplete("the answer is not complete")
    return bytes(content)


def is_framed(response: urllib3.BaseHTTPResponse) -> bool:
    """Return whether the headers show where the body ends: by chunks, or by a length."""
    return response.chunked or response.headers.get("Content-Length") is not None


class _TimedHeaders:
    """A connection that breaks if the headers of the answer are not complete at a deadline.

    The timeout of a socket is no deadline, because each received byte restarts it.
    """

    def getresponse(self) -> Any:
        connection: Any = self
        ended = threading.Event()

        def end(sock: socket.socket = connection.sock) -> None:
            ended.set()
            with contextlib.suppress(OSError):  # the server has closed the connection
                sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(HEAD_SECONDS, end)
        timer.daemon = True
        timer.start()
        try:
            found = super().getresponse()  # type: ignore[misc]
        except (HTTPException, OSError):
            if not ended.is_set():
                raise
        finally:
            timer.cancel()
        # If the connection ends within the headers, http.client raises no error. So check whether
        # the timer has closed the connection.
        if ended.is_set():
            raise AnswerTooSlow(f"no headers within {HEAD_SECONDS:g} s")
        return found


class _TimedHttp(_TimedHeaders, HTTPConnection):
    pass


class _TimedHttps(_TimedHeaders, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _TimedHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedHttps


def open_pool(*, connect_seconds: float, read_seconds: float) -> urllib3.PoolManager:
    """Return a pool of connections. `read_seconds` limits the wait for the next bytes."""
    timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)
    pool = urllib3.PoolManager(timeout=timeout, retries=False)
    pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return pool


def json_value(data: bytes, headers: Mapping[str, str]) -> Any:
    """Return the content of an answer.

    - If the content is JSON: the JSON value. Raises CommandFailed if the JSON is damaged.
    - If the content has another type: its text.
    - Without content: None.
    """
    if not data:
        return None
    if "json" not in headers.get("Content-Type", ""):
        return data.decode(errors="replace")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise CommandFailed("The answer of the server is not valid JSON.") from None
