"""Finds the meaning of a reply in the table `crawljobs.domain.reply_meaning`.

A cell of the table combines an endpoint, a status, a content type and the shape of the body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from crawler_worker.reddit import crawl_failures, request_counters
from crawler_worker.reddit.exchange import decoding, redirects
from crawljobs.domain.reply_meaning import (
    TABLE,
    Cell,
    ContentType,
    Endpoint,
    Meaning,
    Shape,
    Status,
)

REASON_WITHIN_BYTES = 64 * 1024  # maximum size of an error body that is parsed

_REASONS = {
    "private": Shape.PRIVATE,
    "gold_only": Shape.PRIVATE,
    "quarantined": Shape.QUARANTINED,
    "gated": Shape.GATED,
    "banned": Shape.BANNED,
}
_STATUSES = {
    200: Status.OK,
    400: Status.BAD_REQUEST,
    401: Status.UNAUTHORIZED,
    403: Status.FORBIDDEN,
    **dict.fromkeys((404, 410), Status.NOT_FOUND),
    # Reddit does not send 408 and 425. These statuses come from the network in front of Reddit.
    **dict.fromkeys((408, 425), Status.TIMEOUT),
    **dict.fromkeys((413, 414, 431), Status.TOO_LARGE),
    429: Status.THROTTLED,
    451: Status.LEGAL,
}
_CLASSES = {2: Status.OTHER_2XX, 4: Status.OTHER_4XX, 5: Status.TROUBLE}
_ENDPOINTS = {
    "about": Endpoint.ABOUT,
    "posts": Endpoint.POSTS,
    "comments": Endpoint.COMMENTS,
    "tree": Endpoint.TREE,
    "more_children": Endpoint.MORE_CHILDREN,
    "history": Endpoint.HISTORY,
    "token": Endpoint.TOKEN,
}
_ACCOUNT = re.compile(r"/user/[^/]+/about/?")


def endpoint_of(path: str) -> Endpoint:
    """Return the endpoint of a path. For an unknown path, return INFO, because the failure of an
    INFO request never means that a single subreddit is inaccessible."""
    if _ACCOUNT.fullmatch(path):
        return Endpoint.ACCOUNT
    return _ENDPOINTS.get(request_counters.endpoint_of(path), Endpoint.INFO)


def meaning_of(
    endpoint: Endpoint, status: int, headers: Mapping[str, str], content: bytes, *, url: str = ""
) -> Meaning:
    """Return the meaning of a reply.

    `url` is the requested URL. The meaning of a redirect depends on its target and on `url`.
    """
    found = _status(status, headers, url)
    return TABLE[Cell(endpoint, found, _type(headers), _shape(content))]


def _status(status: int, headers: Mapping[str, str], url: str) -> Status:
    if 300 <= status < 400:
        return redirects.status_of(headers.get("location", ""), url=url)
    return _STATUSES.get(status, _CLASSES.get(status // 100, Status.OTHER))


def _type(headers: Mapping[str, str]) -> ContentType:
    essence = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not essence:
        return ContentType.NONE
    if essence == "application/json" or essence.endswith("+json"):
        return ContentType.JSON
    if essence in ("text/html", "application/xhtml+xml"):
        return ContentType.HTML
    return ContentType.OTHER


def _shape(content: bytes) -> Shape:
    start = content[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return Shape.OTHER if content.strip() else Shape.EMPTY
    if start.startswith(b"<"):
        return Shape.HTML
    body = short_body(content)
    if body is None:
        return Shape.OTHER
    return _json_shape(body[0])


def _json_shape(body: object) -> Shape:
    if not isinstance(body, dict):
        return Shape.OTHER_JSON
    reason, code, message = body.get("reason"), body.get("error"), body.get("message")
    if isinstance(reason, str) and reason in _REASONS:
        return _REASONS[reason]
    has_code = isinstance(code, int) and not isinstance(code, bool)
    if isinstance(reason, str) and reason and (has_code or isinstance(message, str)):
        return Shape.OTHER_REASON
    # Reddit's own errors have a code. A body with only a message comes from a gateway.
    return Shape.ERROR if has_code else Shape.OTHER_JSON


def short_body(content: bytes) -> tuple[Any] | None:
    """Return (value,) for a JSON body, because the value itself may be None. Return None if the
    body is invalid, or longer than any error body of Reddit."""
    if len(content) > REASON_WITHIN_BYTES:
        return None
    try:
        return (decoding.decode(content),)
    except crawl_failures.UpstreamTrouble:
        return None
