"""Create requesters, with which a test sends requests through the Reddit client."""

import threading

from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.request_context import RequestContext
from crawler_worker.reddit.requester import Requester
from crawler_worker.reddit.stop import Stop


def requester_of(
    client: RedditClient,
    stop: Stop | None = None,
    *,
    gap: float = 0.0,
    sent: list[int] | None = None,
) -> Requester:
    """Return a requester with these options. Each request appends an element to `sent`."""
    counted = [] if sent is None else sent
    return Requester(
        client,
        RequestContext(stop or threading.Event(), gap=gap, on_sent=lambda: counted.append(1)),
    )
