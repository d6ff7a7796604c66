"""The pages of the probe server: parse a request head, and build the requested page.

A page is never built twice at the same time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

from crawljobs import errors
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

# The limit of requests that wait for the same page. Requests of disconnected clients count too.
WAITING_MAX = 128
NO_THREAD = b"no thread can be started\n"
TEXT = "text/plain; charset=utf-8"
_LINE = re.compile(rb"([!-~]+) ([!-~\x80-\xff]+) HTTP/([0-9])\.([0-9])")
_HOST = re.compile(rb"(?i)host:[\t ]*[A-Za-z0-9._~%\[\]:-]*[\t ]*")


class Answer(NamedTuple):
    status: HTTPStatus
    body: bytes
    content_type: str = TEXT


Page = Callable[[], Answer]
Send = Callable[[bytes], None]


class NotWell(Exception):
    """A health check has failed. The message becomes the body of the reply."""


def check(probe: Callable[[], None]) -> Page:
    """Return a page that calls `probe`.

    The status is 200 if `probe` returns, and 503 if it raises NotWell or a CrawljobsError.
    """

    def page() -> Answer:
        try:
            probe()
        except (NotWell, errors.CrawljobsError) as error:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode())
        return Answer(HTTPStatus.OK, b"ok\n")

    return page


class Pages:
    """Builds pages in threads. If a page is being built, another request for that page waits.

    So a page that hangs blocks only one thread, even if many clients request it.
    """

    def __init__(
        self, pages: Mapping[str, Page], defer: Callable[[Callable[[], None]], None]
    ) -> None:
        """`pages` maps paths to pages. `defer` runs a function in the server's thread.

        Call all methods in the server's thread.
        """
        self._pages = pages
        self._defer = defer
        self._waiting: dict[str, list[tuple[bool, Send]]] = {}

    def answer(self, head: bytes, send: Send) -> None:
        """Call `send` with the reply to this request head, either now or when the page is built."""
        method, path, refusal = _parsed(head)
        with_body = method != b"HEAD"
        if refusal is None and path not in self._pages:
            refusal = Answer(HTTPStatus.NOT_FOUND, b"page not found\n")
        if refusal is not None:
            send(_response(refusal, with_body))
        elif path not in self._waiting:
            self._waiting[path] = [(with_body, send)]
            try:
                threading.Thread(target=self._make, args=(path,), name="page", daemon=True).start()
            except RuntimeError:  # no thread started, so no other code would ever reply
                self._send_to_all(path, Answer(HTTPStatus.SERVICE_UNAVAILABLE, NO_THREAD))
        elif len(self._waiting[path]) < WAITING_MAX:
            self._waiting[path].append((with_body, send))
        else:
            send(_response(Answer(HTTPStatus.SERVICE_UNAVAILABLE, b"too many wait\n"), with_body))

    def _make(self, path: str) -> None:
        try:
            answer = self._pages[path]()
        except Exception:  # reply in any case; otherwise the waiting requests would wait forever
            log.exception("probes.failed")
            answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"see the log\n")
        self._defer(lambda: self._send_to_all(path, answer))

    def _send_to_all(self, path: str, answer: Answer) -> None:
        for with_body, send in self._waiting.pop(path):
            send(_response(answer, with_body))


def _parsed(head: bytes) -> tuple[bytes, str, Answer | None]:
    """Return the method, the path, and a reply that refuses the request (None: not refused)."""
    first, *fields = head.partition(b"\r\n\r\n")[0].split(b"\r\n")
    line = _LINE.fullmatch(first)
    if line is None or b"\r\n\r\n" not in head:
        return b"", "", Answer(HTTPStatus.BAD_REQUEST, b"not HTTP\n")
    if (line[3], line[4]) not in ((b"1", b"0"), (b"1", b"1")):
        return b"", "", Answer(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, b"only HTTP/1.0 and 1.1\n")
    hosts = [field for field in fields if field[:5].lower() == b"host:"]
    if len(hosts) > 1 or (line[4] == b"1" and not hosts) or not all(map(_HOST.fullmatch, hosts)):
        return b"", "", Answer(HTTPStatus.BAD_REQUEST, b"HTTP/1.1 requires one valid Host\n")
    if line[1] not in (b"GET", b"HEAD"):
        return line[1], "", Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"only GET\n")
    return line[1], line[2].split(b"?", 1)[0].decode("ascii", "replace"), None


def _response(answer: Answer, with_body: bool) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        "Connection: close\r\n\r\n"
    ).encode()
    return head + answer.body if with_body else head
