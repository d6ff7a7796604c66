"""Counts the requests to Reddit by their endpoint and their status code."""

from __future__ import annotations

from crawljobs.runtime import metrics

NO_REPLY, TIMEOUT = "none", "timeout"
_BY_FIRST_WORD = {"comments": "tree", "user": "history"}
_OF_A_SUBREDDIT = {"about": "about", "comments": "comments"}
_OF_THE_API = {"info": "info", "morechildren": "more_children", "v1": "token"}
ENDPOINTS = sorted(
    {"posts", metrics.OTHER}.union(
        *map(dict.values, (_BY_FIRST_WORD, _OF_A_SUBREDDIT, _OF_THE_API))
    )
)

# These counters start at zero. Otherwise Prometheus does not see the first 429 as an increase.
for _endpoint in ENDPOINTS:
    metrics.reddit_requests.labels(_endpoint, "429")


def replied(path: str, status: int) -> None:
    """Count a request that received a complete reply."""
    code = str(status)
    if code not in metrics.REDDIT_CODES:
        code = metrics.bounded(f"{code[:1]}xx", metrics.REDDIT_CODES)
    _count(path, code)


def failed(path: str, *, is_late: bool) -> None:
    """Count a request without a complete reply. `is_late`: a timeout ended the request."""
    _count(path, TIMEOUT if is_late else NO_REPLY)


def _count(path: str, code: str) -> None:
    metrics.reddit_requests.labels(endpoint_of(path), code).inc()


def endpoint_of(path: str) -> str:
    """Return the endpoint label of a path. Names and ids in the path are not part of the label."""
    first, *rest = path.strip("/").split("/")
    if first == "r":
        return _OF_A_SUBREDDIT.get(rest[1] if len(rest) > 1 else "", "posts")
    if first == "api":
        return _OF_THE_API.get(rest[0] if rest else "", metrics.OTHER)
    return _BY_FIRST_WORD.get(first, metrics.OTHER)
