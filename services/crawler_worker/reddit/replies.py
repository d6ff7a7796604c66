"""Converts a reply of Reddit to its JSON value, or to the failure that the reply means."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from crawler_worker.reddit import crawl_failures, reply_cells
from crawler_worker.reddit.exchange import decoding
from crawljobs.domain.reply_meaning import Endpoint, Meaning
from crawljobs.domain.subreddit import AccessState

# The limit to which a Retry-After is cut. If Reddit needs more time, it replies 429 again.
RETRY_AFTER_MAX_SECONDS = 3600.0
REASON_SHOWN = 60  # the maximum number of characters that a message quotes from a reply

_ACCESS = {
    Meaning.PRIVATE: AccessState.PRIVATE,
    Meaning.QUARANTINED: AccessState.QUARANTINED,
    Meaning.GATED: AccessState.GATED,
    Meaning.BANNED: AccessState.BANNED,
    Meaning.NOT_FOUND: AccessState.NOT_FOUND,
    Meaning.REDIRECTED: AccessState.REDIRECTED,
    Meaning.LEGAL: AccessState.LEGAL,
    Meaning.ITEM_GONE: AccessState.NOT_FOUND,
    Meaning.AUTHOR_GONE: AccessState.NOT_FOUND,
}
_FAILURES: Mapping[Meaning, Callable[[str], crawl_failures.CrawlFailure]] = {
    Meaning.AUTHOR_REFUSED: crawl_failures.AuthorRefused,
    Meaning.PART_REFUSED: crawl_failures.BadRequest,
    Meaning.REQUEST_TOO_LARGE: crawl_failures.TooLarge,
    Meaning.TOKEN_STALE: crawl_failures.TokenRefused,
    Meaning.CLIENT_REFUSED: crawl_failures.ClientRefused,
    Meaning.OUTAGE: crawl_failures.UpstreamTrouble,
    Meaning.UNKNOWN: crawl_failures.Unclear,
}


def value_of(
    endpoint: Endpoint, status: int, headers: Mapping[str, str], content: bytes, *, url: str = ""
) -> Any:
    """Return the JSON value of a good reply. Raises a CrawlFailure for any other reply."""
    if status != 200:
        raise failure(endpoint, status, headers, content, url=url)
    try:
        return decoding.decode(content)
    except crawl_failures.UpstreamTrouble as error:
        found = failure(endpoint, status, headers, content)
        if isinstance(found, crawl_failures.UpstreamTrouble) and type(found) is type(error):
            raise  # both errors have the same type, and the message of `error` is more exact
    raise found


def failure(
    endpoint: Endpoint, status: int, headers: Mapping[str, str], content: bytes, *, url: str = ""
) -> crawl_failures.CrawlFailure:
    """Return the failure that an unusable reply means. `url` is the requested URL."""
    meaning = reply_cells.meaning_of(endpoint, status, headers, content, url=url)
    says = f"{status}: {_MESSAGES.get(meaning, meaning.replace('_', ' '))} ({_words(content)})"
    if meaning in _ACCESS:
        return crawl_failures.Unavailable(_ACCESS[meaning], says)
    if meaning is Meaning.THROTTLED:
        return crawl_failures.Throttled(
            "429: the request budget is spent", retry_after=_seconds(headers.get("retry-after"))
        )
    if meaning is Meaning.OUTAGE:
        return crawl_failures.UpstreamTrouble(f"Reddit answered {status}")
    if meaning is Meaning.UNKNOWN:
        says = f"{status} {_shown_type(headers)}: {_MESSAGES[meaning]} ({_words(content)})"
    return _FAILURES.get(meaning, crawl_failures.Unclear)(says)


_MESSAGES = {
    **dict.fromkeys((Meaning.PRIVATE, Meaning.QUARANTINED, Meaning.GATED), "forbidden"),
    **dict.fromkeys((Meaning.BANNED, Meaning.NOT_FOUND), "not found"),
    Meaning.REDIRECTED: "redirected elsewhere",
    Meaning.LEGAL: "unavailable for legal reasons",
    **dict.fromkeys((Meaning.ITEM_GONE, Meaning.AUTHOR_GONE), "not found"),
    Meaning.AUTHOR_REFUSED: "the author's history is not shown",
    Meaning.PART_REFUSED: "Reddit refuses the request",
    Meaning.REQUEST_TOO_LARGE: "the request is too large",
    Meaning.TOKEN_STALE: "Reddit does not accept the access token",
    Meaning.CLIENT_REFUSED: "the client id or its address is blocked",
    Meaning.UNKNOWN: "a reply that says nothing about the requested page",
}


def _words(content: bytes) -> str:
    """Return the reason in a JSON body, or the start of any other body, as printable ASCII."""
    body = reply_cells.short_body(content)
    reason = body[0].get("reason") if body is not None and isinstance(body[0], dict) else None
    if isinstance(reason, str):
        return reason[:REASON_SHOWN]
    if body is not None or not content.strip():
        return "no reason given"
    start = content.strip()[:REASON_SHOWN].decode("utf-8", "replace")
    start = start.encode("ascii", "backslashreplace").decode()[:REASON_SHOWN]
    return "".join(letter if letter.isprintable() else " " for letter in start)


def _shown_type(headers: Mapping[str, str]) -> str:
    essence = headers.get("content-type", "").partition(";")[0].strip().lower()
    return essence if re.fullmatch(r"[a-z0-9.+/-]{1,60}", essence) else "without a content type"


def _seconds(header: str | None) -> float | None:
    """Return the Retry-After header in seconds, at most RETRY_AFTER_MAX_SECONDS.

    Return None if the header is missing or is not a positive number.
    """
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return min(seconds, RETRY_AFTER_MAX_SECONDS) if math.isfinite(seconds) and seconds > 0 else None
