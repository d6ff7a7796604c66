"""What a reply means: one rule for every status Reddit was seen to send."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from crawler_worker.reddit import decoding, failures
from crawljobs.domain import request_budget
from crawljobs.domain.subreddit import AccessState

RETRY_AFTER_MAX_SECONDS = request_budget.LONGEST_TOLD_PAUSE_SECONDS
REASON_WITHIN_BYTES = 64 * 1024  # a longer body is a page, not a reason
REASON_SHOWN = 60  # characters of a reply's own words that may enter a message

_FORBIDDEN = {
    "private": AccessState.PRIVATE,
    "quarantined": AccessState.QUARANTINED,
    "gated": AccessState.GATED,
}
# Reddit's own, then those of the network in front of it: request timeout, and all of 5xx.
_TROUBLE = frozenset({408, 425})
_TOO_LARGE = frozenset({413, 414, 431})


def value_of(status: int, headers: Mapping[str, str], content: bytes) -> Any:
    """The JSON value of a good reply; every other one raises its CrawlFailure."""
    if status != 200:
        raise failure(status, headers, content)
    return decoding.decode(content)


def failure(status: int, headers: Mapping[str, str], content: bytes) -> failures.CrawlFailure:
    """What a status that is not 200 means."""
    if 300 <= status < 400:
        return _redirected(status, headers.get("location", ""))
    if status == 401:
        return failures.TokenRefused("401: Reddit does not accept the access token")
    if status == 403:
        reason = _reason(content)
        access = _FORBIDDEN.get(reason, AccessState.PRIVATE)
        return failures.Unavailable(access, f"403: forbidden ({reason or 'no reason given'})")
    if status in (404, 410):
        reason = _reason(content)
        access = AccessState.BANNED if reason == "banned" else AccessState.NOT_FOUND
        return failures.Unavailable(access, f"{status}: not found ({reason or 'no reason given'})")
    if status == 451:
        return failures.Unavailable(AccessState.LEGAL, "451: unavailable for legal reasons")
    if status in _TOO_LARGE:
        return failures.TooLarge(f"{status}: the request is too large")
    if status == 429:
        return failures.Throttled(
            "429: the request budget is spent", retry_after=_seconds(headers.get("retry-after"))
        )
    if 400 <= status < 500 and status not in _TROUBLE:
        reason = _reason(content) or "no reason given"
        return failures.BadRequest(f"{status}: Reddit refuses the request ({reason})")
    return failures.UpstreamTrouble(f"Reddit answered {status}")


def _redirected(status: int, location: str) -> failures.Unavailable:
    """A redirect is never followed: to the search page it means that there is no such name."""
    if "/subreddits/search" in location:
        return failures.Unavailable(AccessState.NOT_FOUND, f"{status}: no such subreddit")
    return failures.Unavailable(AccessState.REDIRECTED, f"{status}: redirected elsewhere")


def _reason(content: bytes) -> str:
    if len(content) > REASON_WITHIN_BYTES:
        return ""
    try:
        body = decoding.decode(content)
    except failures.UpstreamTrouble:
        return ""
    reason = body.get("reason") if isinstance(body, dict) else None
    return reason[:REASON_SHOWN] if isinstance(reason, str) else ""


def _seconds(header: str | None) -> float | None:
    """Retry-After as seconds from now; its other form, a date, is not seen on Reddit."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return min(seconds, RETRY_AFTER_MAX_SECONDS) if math.isfinite(seconds) and seconds > 0 else None
