"""Requests the two pages that a crawl requires: the description and the first page of posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.requester import Requester
from crawljobs.domain.subreddit import AccessState

T = TypeVar("T")


# The number of denials of access with different reasons after which `request` raises Unclear.
DENIALS_MAX = 3


def request(context: CrawlContext, call: Callable[[Requester], T]) -> T:
    """Repeat the request until a reply is good or confirms a denial of access.

    A denial is confirmed if it equals the stored access state or an earlier denial. One denial is
    not enough, because a reply may be wrong. For a subreddit that was never crawled, a confirmed
    denial such as `banned` disables the schedules.

    Raises Unavailable for a confirmed denial, Unclear after DENIALS_MAX different denials, and the
    errors of `CrawlContext.request`.
    """
    denials: list[AccessState] = []
    while len(denials) < DENIALS_MAX:
        try:
            return context.request(call)
        except crawl_failures.Unavailable as error:
            if error.access is context.access or error.access in denials:
                raise
            denials.append(error.access)
    raise crawl_failures.Unclear(
        f"{DENIALS_MAX} replies contradict each other: {', '.join(denials)}"
    )
