"""Decodes and parses the reply of an exchange, one large reply at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from crawler_worker.reddit import crawl_failures, parsing, replies
from crawler_worker.reddit.exchange import decoding
from crawler_worker.reddit.exchange.transfer import Exchange
from crawljobs.domain.reply_meaning import Endpoint

T = TypeVar("T")


def parsed(endpoint: Endpoint, url: str, reply: Exchange, parse: Callable[[Any], T]) -> T:
    """The parsed value of the reply to a request for `url`.

    Raises the CrawlFailure of a failed reply, and Unclear for JSON of another shape, for which
    `parse` raises UpstreamTrouble.
    """
    with decoding.turn(len(reply.content)):
        value = replies.value_of(endpoint, reply.status, reply.headers, reply.content, url=url)
        try:
            return parse(value)
        except crawl_failures.UpstreamTrouble as error:
            raise crawl_failures.Unclear(f"{reply.status}: {error}") from error


def check_probe(url: str, reply: Exchange) -> None:
    """Check that the reply is the listing that every accepted client gets.

    Raises the CrawlFailure of a failed reply. JSON of another shape comes from a proxy, or is an
    error with the status 200: it raises ClientRefused.
    """
    try:
        parsed(Endpoint.PROBE, url, reply, parsing.items)
    except crawl_failures.Unclear as error:
        raise crawl_failures.ClientRefused(f"the probe: {error}") from error
