"""Which replies are asked for a second time before they are believed."""

from __future__ import annotations

from collections.abc import Mapping

from crawler_worker.reddit import crawl_failures
from crawljobs.domain.reply_meaning import Endpoint

# What ends a job as failed, leaves items out for good or gives up a part is asked for a second
# time: without its newest comments, a crawl fetches 25 trees. A denial of the community itself is
# the crawl's to doubt, which knows the access so far; a large batch is halved.
_DENIED, _REFUSED = (
    (crawl_failures.Unavailable, crawl_failures.BadRequest),
    (crawl_failures.BadRequest,),
)
_SECOND_LOOKS: Mapping[Endpoint, tuple[type[crawl_failures.CrawlFailure], ...]] = {
    Endpoint.ABOUT: _REFUSED,
    Endpoint.POSTS: _REFUSED,
    Endpoint.COMMENTS: (*_DENIED, crawl_failures.TooLarge),
    Endpoint.TREE: (*_DENIED, crawl_failures.TooLarge),
    Endpoint.MORE_CHILDREN: _DENIED,
    Endpoint.HISTORY: (*_DENIED, crawl_failures.TooLarge),
    Endpoint.ACCOUNT: _DENIED,
    Endpoint.INFO: _REFUSED,
}


def is_wanted(endpoint: Endpoint, error: crawl_failures.CrawlFailure) -> bool:
    """Whether one such reply alone is not to be believed."""
    return isinstance(error, _SECOND_LOOKS.get(endpoint, ()))
