"""Decides which failed requests are sent a second time before the failure counts."""

from __future__ import annotations

from collections.abc import Mapping

from crawler_worker.reddit import crawl_failures
from crawljobs.domain.reply_meaning import Endpoint

# A failure that fails the job, omits items for good or gives up a part is confirmed by a second
# request: it is cheap beside its effect. For example, a crawl without the newest comments fetches
# 25 trees. Not listed: a denial of the subreddit itself, which the crawl confirms because it knows
# the stored access, and a batch that is too large, which the caller halves.
_DENIED, _REFUSED = (
    (crawl_failures.Unavailable, crawl_failures.BadRequest),
    (crawl_failures.BadRequest,),
)
_CONFIRMED: Mapping[Endpoint, tuple[type[crawl_failures.CrawlFailure], ...]] = {
    Endpoint.ABOUT: _REFUSED,
    Endpoint.POSTS: _REFUSED,
    Endpoint.COMMENTS: (*_DENIED, crawl_failures.TooLarge),
    Endpoint.TREE: (*_DENIED, crawl_failures.TooLarge),
    Endpoint.MORE_CHILDREN: _DENIED,
    Endpoint.HISTORY: (*_DENIED, crawl_failures.TooLarge),
    Endpoint.ACCOUNT: _DENIED,
    Endpoint.INFO: _REFUSED,
}


def is_needed(endpoint: Endpoint, error: crawl_failures.CrawlFailure) -> bool:
    """Whether a second request must confirm this failure."""
    return isinstance(error, _CONFIRMED.get(endpoint, ()))


def may_be_of_client(endpoint: Endpoint, error: crawl_failures.CrawlFailure) -> bool:
    """Whether a confirmed failure would decide about the job, although Reddit may refuse every
    request of this client. Then a probe must show that it refuses this one alone."""
    is_required = endpoint in (Endpoint.ABOUT, Endpoint.POSTS)
    return is_required and isinstance(error, crawl_failures.BadRequest)
