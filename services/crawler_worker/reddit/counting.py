"""Counts requests to Reddit by what was asked for and what came back."""

from __future__ import annotations

import httpx

from crawljobs import metrics

NO_REPLY, TIMEOUT = "none", "timeout"
_BY_FIRST_WORD = {"comments": "tree", "user": "history"}
_OF_A_SUBREDDIT = {"about": "about", "comments": "comments"}
_OF_THE_API = {"info": "info", "morechildren": "more_children", "v1": "token"}


def replied(request: httpx.Request, status: int) -> None:
    code = str(status)
    if code not in metrics.REDDIT_CODES:
        code = metrics.bounded(f"{code[:1]}xx", metrics.REDDIT_CODES)
    _count(request, code)


def failed(request: httpx.Request, error: Exception) -> None:
    is_late = isinstance(error, httpx.TimeoutException)
    _count(request, TIMEOUT if is_late else NO_REPLY)


def _count(request: httpx.Request, code: str) -> None:
    metrics.reddit_requests.labels(endpoint_of(request.url.path), code).inc()


def endpoint_of(path: str) -> str:
    """The kind of page; names and ids do not become labels."""
    first, *rest = path.strip("/").split("/")
    if first == "r":
        return _OF_A_SUBREDDIT.get(rest[1] if len(rest) > 1 else "", "posts")
    if first == "api":
        return _OF_THE_API.get(rest[0] if rest else "", metrics.OTHER)
    return _BY_FIRST_WORD.get(first, metrics.OTHER)
