"""Sends the requests of one caller through the client that all callers of the process share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.request import Parameters, Request
from crawler_worker.reddit.request_context import RequestContext

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Requester:
    """Sends the requests of one caller, all with the same options (`context`)."""

    client: RedditClient
    context: RequestContext

    def get(self, path: str, params: Parameters, parse: Callable[[Any], T]) -> T:
        """Send a GET request. The result and the errors are those of `RedditClient.send`."""
        return self.client.send(Request("GET", path, params), parse, self.context)

    def post(self, path: str, form: Parameters, parse: Callable[[Any], T]) -> T:
        """Send a POST request, which must change nothing at Reddit, because it may be sent twice.

        The result and the errors are those of `RedditClient.send`.
        """
        return self.client.send(Request("POST", path, {}, form), parse, self.context)
