"""Finds the meaning of a redirect from its target. No redirect is followed."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from crawljobs.domain.reply_meaning import Status

SEARCH = "/subreddits/search"
REDDIT = "reddit.com"

_COMMUNITY = re.compile(r"/r/([A-Za-z0-9_][A-Za-z0-9_.:-]{1,23})(/.*)?")


def status_of(location: str, *, url: str) -> Status:
    """Return the status of a redirect from `url` to `location`.

    The table of replies has several statuses for redirects, because their targets have different
    meanings. The host of `url` counts as a host of Reddit. The target of the redirect can be:

    - Reddit's search page: the subreddit does not exist.
    - Another subreddit: the requested subreddit was merged into it.
    - A host that is not Reddit's: the redirect comes from a network portal.
    - Another URL of the requested subreddit: this proves nothing about the subreddit.
    """
    try:
        target, request = urlsplit(location), urlsplit(url)
        host, own = target.hostname, request.hostname
    except ValueError:
        return Status.OTHER_3XX
    if not _is_reddits(target.scheme, host, own):
        return Status.OTHER_3XX
    path = unquote(target.path)
    if path == SEARCH or path.startswith(f"{SEARCH}/"):
        return Status.TO_SEARCH
    name = _community(path)
    if name is None or name == _community(unquote(request.path)):
        return Status.OTHER_3XX
    return Status.TO_COMMUNITY


def _is_reddits(scheme: str, host: str | None, own: str | None) -> bool:
    if host is None:
        return not scheme  # a relative URL refers to the host of the request
    if scheme not in ("", "http", "https"):
        return False
    return host in (own, REDDIT) or host.endswith(f".{REDDIT}")


def _community(path: str) -> str | None:
    found = _COMMUNITY.fullmatch(path)
    return None if found is None else found[1].lower()
