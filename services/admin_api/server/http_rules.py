"""Checks rules of HTTP/1.1 (RFC 9112) that gunicorn's parser does not check."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus

RETRY_AFTER_SECONDS = 2
VERSIONS = ((1, 0), (1, 1))
# A pattern for the Host header: a host name or an IP address, with an optional port. HTTP allows an
# empty Host header.
_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")


class Refused(Exception):
    """The server refuses a request before the application gets it. `detail` advises the client."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def check(version: tuple[int, int], headers: Iterable[tuple[str, str]]) -> None:
    """Raise Refused if the request breaks a rule. `headers`: pairs (upper-case name, value)."""
    if version not in VERSIONS:
        raise version_refused()
    hosts = [value for name, value in headers if name == "HOST"]
    if version == (1, 1) and len(hosts) != 1:
        raise Refused(HTTPStatus.BAD_REQUEST, "Send exactly one Host header; HTTP/1.1 requires it.")
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise Refused(HTTPStatus.BAD_REQUEST, "The Host header is not a valid host name.")
    codings = [value.lower() for name, value in headers if name == "TRANSFER-ENCODING"]
    if codings not in ([], ["chunked"]):
        # gunicorn's parser decodes only chunked bodies. It does not decode other transfer codings,
        # such as gzip.
        raise Refused(HTTPStatus.NOT_IMPLEMENTED, "Transfer-Encoding must be 'chunked'.")


def version_refused() -> Refused:
    return Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "Use HTTP/1.0 or HTTP/1.1.")


def overload() -> Refused:
    return Refused(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many requests are waiting. Send the request again in a moment.",
        **{"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def late() -> Refused:
    detail = "The request did not arrive in time. Send it again."
    return Refused(HTTPStatus.REQUEST_TIMEOUT, detail)


def head_too_long(*, is_first_line: bool) -> Refused:
    if is_first_line:
        return Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "The path and its query are too long.")
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    return Refused(status, "The request has too many or too long headers.")
