"""What HTTP/1.1 demands of a request (RFC 9112) and the parser lets pass."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus

RETRY_AFTER_SECONDS = 2
SPOKEN = ((1, 0), (1, 1))
# A name, an IPv4 or an IPv6 address, and perhaps a port; empty for a target without an authority.
_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")


class Refused(Exception):
    """Answered by the server, without asking the application. `detail` says what to do."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def check(version: tuple[int, int], headers: Iterable[tuple[str, str]]) -> None:
    """Raise Refused. Names of headers are in capitals."""
    if version not in SPOKEN:
        raise version_refused()
    hosts = [value for name, value in headers if name == "HOST"]
    if version == (1, 1) and len(hosts) != 1:
        raise Refused(HTTPStatus.BAD_REQUEST, "Send one Host header: HTTP/1.1 wants it.")
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise Refused(HTTPStatus.BAD_REQUEST, "The Host header is no name of a host.")
    codings = [value.lower() for name, value in headers if name == "TRANSFER-ENCODING"]
    if codings not in ([], ["chunked"]):
        # The parser would take what is compressed for the body itself.
        raise Refused(HTTPStatus.NOT_IMPLEMENTED, "Transfer-Encoding may be 'chunked' alone.")


def version_refused() -> Refused:
    return Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "Only HTTP/1.0 and 1.1 are spoken here.")


def overload() -> Refused:
    return Refused(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many requests wait here; send it again in a moment.",
        **{"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def late() -> Refused:
    return Refused(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time; send it again.")


def head_too_long(*, is_first_line: bool) -> Refused:
    if is_first_line:
        return Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "The path and its query are too long.")
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    return Refused(status, "The headers are too many or too long.")
