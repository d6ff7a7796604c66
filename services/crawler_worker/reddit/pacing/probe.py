"""Checks whether Reddit accepts the client, with a request that reads no crawled subreddit.

This request is the probe. One worker at a time sends it. All workers use the result.
"""

from __future__ import annotations

import time

from crawler_worker.reddit import crawl_failures, reading
from crawler_worker.reddit.api_exchange import ApiExchange
from crawler_worker.reddit.oauth.token import TokenSource
from crawler_worker.reddit.pacing.circuit_breaker import CircuitBreaker
from crawler_worker.reddit.pacing.limiter import Limiter
from crawler_worker.reddit.request import Request
from crawler_worker.reddit.request_context import RequestContext
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import PausedReason, Slot

# The request of a probe. It asks for a subreddit that has existed since the start of Reddit. The
# reply is small (decision 31).
REQUEST = Request("GET", "/api/info", {"id": "t5_6"})
POLL_SECONDS = 0.2  # time between two checks whether another worker has finished its probe


class Probe:
    """Sends the probe, and records its result in the circuit breaker."""

    def __init__(
        self, limiter: Limiter, breaker: CircuitBreaker, tokens: TokenSource, api: ApiExchange
    ) -> None:
        self._limiter = limiter
        self._breaker = breaker
        self._tokens = tokens
        self._api = api

    def end_pause(self, slot: Slot, token: str, context: RequestContext) -> None:
        """Send the probe in a slot that was reserved during a pause. A success ends the pause.

        Raises Outage if the pause continues, and Throttled if Reddit works but replies 429.
        """
        is_fresh = slot.paused_reason is PausedReason.CREDENTIALS_REFUSED
        self._settle(token, context, is_fresh=is_fresh, is_probe=True)

    def check(self, token: str, context: RequestContext, *, since: float, is_fresh: bool) -> None:
        """Check that Reddit accepts the client, after an unclear reply at monotonic time `since`.

        If Reddit refuses an older token, the probe is sent again with a new token. `is_fresh` is
        true if `token` is new already. If Reddit does not accept the client, pause all workers and
        raise Outage. Also raises SlotTooLate, Throttled and Interrupted.
        """
        deadline = time.monotonic() + request_budget.PROBE_SECONDS
        while True:
            turn = self._breaker.take_probe(time.monotonic() - since)
            if turn.pause is not None:
                raise self._breaker.outage_of(turn.pause)
            if turn.is_good:
                return
            if turn.is_mine:
                break
            if time.monotonic() > deadline:
                raise crawl_failures.SlotTooLate(
                    "another worker has been probing Reddit for too long",
                    resume_in=POLL_SECONDS,
                )
            if context.stop.wait(POLL_SECONDS):
                raise crawl_failures.Interrupted("stopped while another worker probes")
        try:
            self._limiter.wait_for_slot(context.stop)
            self._settle(token, context, is_fresh=is_fresh, is_probe=False)
        except BaseException:
            self._breaker.give_back_probe()
            raise

    def _settle(
        self, token: str, context: RequestContext, *, is_fresh: bool, is_probe: bool
    ) -> None:
        try:
            try:
                self._send(token, context)
            except crawl_failures.TokenRefused:
                if is_fresh:
                    raise
                token = self._tokens.current(refused=token, stop=context.stop)
                self._send(token, context)
        except crawl_failures.TokenRefused as error:
            self._tokens.forget(token)
            found, detail = PausedReason.CREDENTIALS_REFUSED, str(error)
        except crawl_failures.ClientRefused as error:
            found, detail = PausedReason.CLIENT_REFUSED, str(error)
        except crawl_failures.UpstreamTrouble as error:
            found, detail = PausedReason.OUTAGE, error.explained()
        except crawl_failures.Throttled:
            self._breaker.accepted()
            raise
        else:
            self._breaker.accepted()
            return
        raise self._breaker.pause_for(found, detail, is_probe=is_probe)

    def _send(self, token: str, context: RequestContext) -> None:
        """Send the probe with this token. Raises the CrawlFailure that the reply means."""
        reading.check_probe(self._api.url_of(REQUEST), self._api.send(REQUEST, token, context))
