"""Decides which failed requests must be sent a second time to confirm the failure."""

from __future__ import annotations

from collections.abc import Mapping

from crawler_worker.reddit import crawl_failures
from crawljobs.domain.reply_meaning import Endpoint

# The failures that a second request must confirm. Each of them ends the job as failed, loses items
# for good, or makes the crawl give up a part. A second request costs less than this. For example, a
# crawl that gives up the listing of comments requests up to 25 trees instead. Two failures need no
# second request here. The crawl itself confirms a denial of its subreddit, because the crawl knows
# the stored access. If a batch is too large, its caller sends smaller batches.
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
    """Return whether a second request must confirm this failure."""
    return isinstance(error, _CONFIRMED.get(endpoint, ()))


def may_be_of_client(endpoint: Endpoint, error: crawl_failures.CrawlFailure) -> bool:
    """Return whether a probe must check the client after this confirmed failure.

    The failure would end the job as failed, but perhaps Reddit refuses every request of this
    client.
    """
    is_required = endpoint in (Endpoint.ABOUT, Endpoint.POSTS)
    return is_required and isinstance(error, crawl_failures.BadRequest)
