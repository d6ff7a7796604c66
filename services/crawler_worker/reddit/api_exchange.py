"""Sends one request to Reddit's API: builds its URL, headers and body, and returns the reply."""

from __future__ import annotations

from urllib.parse import urlencode

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange import transfer
from crawler_worker.reddit.exchange.transfer import Transport
from crawler_worker.reddit.request import Request
from crawler_worker.reddit.request_context import RequestContext
from crawler_worker.reddit.request_tally import RequestTally


class ApiExchange:
    """Sends requests to the API whose URLs start with `api_url`."""

    def __init__(self, api_url: str, transport: Transport, tally: RequestTally) -> None:
        self._api_url = api_url
        self._transport = transport
        self._tally = tally

    def url_of(self, request: Request) -> str:
        """Return the URL of the request, without the query string."""
        return f"{self._api_url}{request.path}"

    def send(self, request: Request, token: str, context: RequestContext) -> transfer.Exchange:
        """Send the request once, and return the reply. Raises UpstreamTrouble and SlotTooLate."""
        query = urlencode({**request.params, "raw_json": 1})
        headers = {"Authorization": f"bearer {token}"}
        body = None
        if request.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(request.form).encode()
        context.on_sent()
        self._tally.sent(context.source)
        url = f"{self.url_of(request)}?{query}"
        try:
            reply = self._transport.send(transfer.Request(request.method, url, headers, body))
        except crawl_failures.UpstreamTrouble:
            self._tally.failed()
            raise
        self._tally.replied(reply.status)
        return reply
