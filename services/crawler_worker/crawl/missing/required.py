"""Requests the pages that a crawl requires: the description and the first page of posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.requester import Requester
from crawljobs.domain.subreddit import AccessState

T = TypeVar("T")


DENIALS_MAX = 3  # replies of one request that deny access, each in another way


def request(context: CrawlContext, call: Callable[[Requester], T]) -> T:
    """Make the request until a reply is good, or a denial is the stored access or repeats one.

    A subreddit that was never crawled counts as gone after a confirmed denial, and its schedules
    are disabled: so one wrong reply must not decide, and neither may one of two that contradict
    each other.

    Raises Unavailable for a confirmed denial, Unclear after DENIALS_MAX different denials, and all
    that `CrawlContext.request` raises.
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
