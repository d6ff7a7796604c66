"""Estimates the number of a crawl's requests and the seconds per request, for display."""

from __future__ import annotations

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.forecast import PHASES, Forecast
from crawljobs.repository.content.crawl_history import Marks
from crawljobs.settings import CrawlSettings

PAGE = 100  # the number of items in one page
CAPACITY = 1_000  # Reddit returns at most about this many items of one listing.
# The average number of requests for one tree. About every third tree needs a second request.
TREE_REQUESTS = 1.3


def forecast(
    at: Checkpoint, *, marks: Marks, settings: CrawlSettings, seconds: float, requests: int
) -> Forecast:
    """Return the expected number of all requests of the crawl, and the seconds per request.

    The current attempt has made `requests` requests in `seconds` seconds. Listings with a
    high-water mark in `marks` need fewer requests.
    """
    total = at.requests if at.phase == "done" else at.requests + _left(at, marks, settings)
    pace = seconds / requests if requests > 0 else at.forecast.pace
    return Forecast(
        total=max(at.requests, min(total, settings.max_requests_per_job)), pace=round(pace, 3)
    )


def _left(at: Checkpoint, marks: Marks, settings: CrawlSettings) -> int:
    """Return the expected number of remaining requests, at least 1."""
    phases = PHASES[PHASES.index(at.phase) :]
    left = 0.0
    for phase in phases:
        here = phase == at.phase
        if phase == "about":
            left += 1
        elif phase == "posts":
            most = min(CAPACITY, settings.max_posts_per_sub)
            is_new = marks.post is None or settings.posts_sort != "new" or at.whole
            left += _pages(most if is_new else PAGE, at.page if here else 0)
        elif phase == "comments":
            is_new = marks.comment is None or at.whole
            left += _pages(CAPACITY if is_new else PAGE, at.page if here else 0)
        elif phase == "trees":
            left += _trees(at)
        elif phase == "authors" and settings.fetch_user_subreddits:
            left += _authors(at, marks, settings)
    return max(1, round(left))


def _pages(items: int, walked: int) -> int:
    return max(1, -(-items // PAGE) - walked)


def _trees(at: Checkpoint) -> float:
    pending = 0.0
    if at.tree is not None:
        pending = -(-len(at.tree.more) // PAGE) + len(at.tree.threads) + bool(at.tree.lookup)
    return len(at.busiest) * TREE_REQUESTS + pending


def _authors(at: Checkpoint, marks: Marks, settings: CrawlSettings) -> int:
    if at.histories is not None:
        return len(at.histories)
    return settings.user_sub_fetch_limit if marks.post is None else 0
