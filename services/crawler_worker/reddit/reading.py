"""Decodes and parses the reply to a request. Only one large reply at a time is decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from crawler_worker.reddit import crawl_failures, parsing, replies
from crawler_worker.reddit.exchange import decoding
from crawler_worker.reddit.exchange.transfer import Exchange
from crawljobs.domain.reply_meaning import Endpoint

T = TypeVar("T")


def parsed(endpoint: Endpoint, url: str, reply: Exchange, parse: Callable[[Any], T]) -> T:
    """Return the value that `parse` makes of the reply to a request for `url`.

    Raises the CrawlFailure that the reply means. If the JSON has an unexpected shape, `parse`
    raises UpstreamTrouble, and this function raises Unclear.
    """
    with decoding.turn(len(reply.content)):
        value = replies.value_of(endpoint, reply.status, reply.headers, reply.content, url=url)
        try:
            return parse(value)
        except crawl_failures.UpstreamTrouble as error:
            raise crawl_failures.Unclear(f"{reply.status}: {error}") from error


def check_probe(url: str, reply: Exchange) -> None:
    """Check that the reply to a probe is the listing that Reddit returns to each accepted client.

    Raises the CrawlFailure that the reply means. Raises ClientRefused for JSON of another shape,
    which comes from a proxy or is an error with the status 200.
    """
    try:
        parsed(Endpoint.PROBE, url, reply, parsing.items)
    except crawl_failures.Unclear as error:
        raise crawl_failures.ClientRefused(f"the probe: {error}") from error
