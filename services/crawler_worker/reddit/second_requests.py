"""Decides which failed requests must be sent a second time to confirm the failure."""

from __future__ import annotations

from collections.abc import Mapping

from crawler_worker.reddit import crawl_failures
from crawljobs.domain.reply_meaning import Endpoint

# `_CONFIRMED` lists, for each endpoint, the failures that a second request must confirm. Without
# the second request, one wrong reply would end the job as failed, lose items for good, or make the
# crawl give up a part. The second request costs less. For example, if a crawl gives up the listing
# of comments, it requests up to 25 trees in place of the listing.
#
# The table leaves out two failures:
# - `Unavailable` for ABOUT and POSTS: the crawl itself confirms that access is denied.
# - `TooLarge` for MORE_CHILDREN and INFO: the caller sends smaller batches.
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
    """Return whether this confirmed failure is a sign that Reddit refuses all requests.

    After this sign, a probe must check the client. If Reddit refuses all requests, the job waits.
    If Reddit refuses only this page, which each crawl requires, the job fails.
    """
    is_required = endpoint in (Endpoint.ABOUT, Endpoint.POSTS)
    return is_required and isinstance(error, crawl_failures.BadRequest)
