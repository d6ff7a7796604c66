"""Sends a request in a slot of the shared budget, and records the result for all workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from crawler_worker.reddit import crawl_failures, reading
from crawler_worker.reddit.api_exchange import ApiExchange
from crawler_worker.reddit.pacing import pause_reports
from crawler_worker.reddit.pacing.circuit_breaker import CircuitBreaker
from crawler_worker.reddit.pacing.limiter import Limiter
from crawler_worker.reddit.pacing.probe import Probe
from crawler_worker.reddit.request import Request
from crawler_worker.reddit.request_context import RequestContext
from crawljobs.domain.request_budget import Slot
from crawljobs.runtime import metrics

T = TypeVar("T")


class PacedRequests:
    """Sends the requests of a process's threads. Each request has its slot in the budget."""

    def __init__(
        self, limiter: Limiter, breaker: CircuitBreaker, probe: Probe, api: ApiExchange
    ) -> None:
        self._limiter = limiter
        self._breaker = breaker
        self._probe = probe
        self._api = api

    def send(
        self, request: Request, token: str, parse: Callable[[Any], T], context: RequestContext
    ) -> T:
        """Wait for a slot, send the request once, and return the parsed reply.

        Raises the CrawlFailure that the reply means. Also raises SlotTooLate, Outage, Interrupted
        and DatabaseUnavailable.
        """
        slot = self._wait_for_slot(token, context)
        try:
            return self._send_and_record(slot, request, token, parse, context)
        except crawl_failures.Unclear:
            # The circuit breaker does not count an unclear reply, which may concern only this page.
            raise
        except crawl_failures.UpstreamTrouble as error:
            # Perhaps only the pages of one subreddit are broken, which is no outage. So before all
            # workers pause, a probe of another page must fail too.
            if self._breaker.is_doubtful():
                self.check_client(token, context, since=time.monotonic(), is_fresh=False)
            outage = self._breaker.failed(error.explained())
            if outage > 0:
                raise pause_reports.outage(outage, None, error.explained()) from error
            raise

    def check_client(
        self, token: str, context: RequestContext, *, since: float, is_fresh: bool
    ) -> None:
        """Probe whether Reddit accepts the client. Raises Outage if Reddit refuses the client."""
        try:
            self._probe.check(token, context, since=since, is_fresh=is_fresh)
        except crawl_failures.Throttled as error:
            self.pause_all(error, last=True)

    def pause_all(self, error: crawl_failures.Throttled, *, last: bool) -> None:
        """Pause all workers after a 429 reply.

        If `last` is true, the caller does not try the request again. In this case, this function
        raises Throttled, which defers the job.
        """
        pause = self._limiter.pause_all(error.retry_after)
        if last:
            raise crawl_failures.Throttled(
                str(error), retry_after=error.retry_after, resume_in=pause
            ) from error

    def _wait_for_slot(self, token: str, context: RequestContext) -> Slot:
        with metrics.slot_wait.time():
            slot = self._limiter.wait_for_slot(context.stop, in_background=context.in_background)
        while slot.probe:
            self._probe.end_pause(slot, token, context)
            slot = self._limiter.wait_for_slot(context.stop, in_background=context.in_background)
        return slot

    def _send_and_record(
        self,
        slot: Slot,
        request: Request,
        token: str,
        parse: Callable[[Any], T],
        context: RequestContext,
    ) -> T:
        """Send the request, and return the parsed reply.

        Records in the circuit breaker that Reddit works, also if Reddit refuses the request.
        """
        sent_at = time.monotonic()
        try:
            reply = self._api.send(request, token, context)
            self._limiter.learn(slot, reply.headers)
            value = reading.parsed(request.endpoint, self._api.url_of(request), reply, parse)
        except crawl_failures.UpstreamTrouble:
            raise
        except crawl_failures.CrawlFailure:
            self._breaker.record_success(slot)
            raise
        self._breaker.record_success(slot)
        self._limiter.record_good(sent_at)
        return value
