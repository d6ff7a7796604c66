"""The client of Reddit's API. It paces requests, sends the token and repeats failed requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from crawler_worker.reddit import crawl_failures, reading, second_requests
from crawler_worker.reddit.api_exchange import ApiExchange
from crawler_worker.reddit.exchange import transfer
from crawler_worker.reddit.exchange.transfer import Transport
from crawler_worker.reddit.oauth.token import TokenSource
from crawler_worker.reddit.pacing import limiter as limiters
from crawler_worker.reddit.pacing import pause_reports
from crawler_worker.reddit.pacing.circuit_breaker import CircuitBreaker
from crawler_worker.reddit.pacing.limiter import Limiter
from crawler_worker.reddit.pacing.paced_requests import PacedRequests
from crawler_worker.reddit.pacing.pause_reports import PauseLog
from crawler_worker.reddit.pacing.probe import Probe
from crawler_worker.reddit.request import Request
from crawler_worker.reddit.request_context import LONGEST_GAP_SECONDS, RequestContext
from crawler_worker.reddit.request_tally import RequestTally
from crawljobs.db.database import Database
from crawljobs.runtime import backoff
from crawljobs.settings import RedditSettings

# The number of 429 replies to one request after which the job is deferred. After fewer 429
# replies, the thread waits and sends the request again.
THROTTLES_IN_PLACE = 3
# The number of tries of a request before its failure is raised. Most failures pass within 1 s.
TRIES = 3
TRY_AGAIN_SECONDS = 1.0  # The pause before the second try. Each next pause is twice as long.
# How long a job waits if its crawl could not connect to Reddit. No attempt is charged.
UNREACHABLE_SECONDS = 10.0

T = TypeVar("T")
Parse = Callable[[Any], T]


class RedditClient:
    """Sends requests to Reddit. A process has one client, and up to `threads` threads use it.

    Without a `database`, the client has no shared budget, and only this process uses its token.
    `tally` counts the sent requests.
    """

    def __init__(
        self,
        settings: RedditSettings,
        *,
        database: Database | None,
        threads: int = transfer.THREADS,
        transport: Transport | None = None,
        longest_wait: float = limiters.LONGEST_WAIT_SECONDS,
        try_again_seconds: float = TRY_AGAIN_SECONDS,
    ) -> None:
        self._try_again_seconds = try_again_seconds
        self._transport = transport or transfer.open_transport(settings, threads=threads)
        self.tally = RequestTally()
        self._api = ApiExchange(settings.api_url, self._transport, self.tally)
        self._tokens = TokenSource(settings, self._transport, database=database)
        self._paced = (
            None
            if database is None
            else _paced(database, settings.client_id, longest_wait, self._tokens, self._api)
        )

    def close(self) -> None:
        self._transport.close()

    def forget_reply(self) -> None:
        """Release the lock for large replies. Call this after this thread's reply is stored."""
        self._transport.large.leave()

    def send(self, request: Request, parse: Parse[T], context: RequestContext) -> T:
        """Send the request, and try again after some failures. Return the result of `parse`.

        Only one thread at a time parses a large reply. If `parse` raises UpstreamTrouble, the reply
        counts as unclear. Raises the CrawlFailure of the last try, Interrupted and
        DatabaseUnavailable.
        """
        throttles = tries = 0
        is_patient = context.gap <= LONGEST_GAP_SECONDS
        refused: str | None = None
        unclear_since: float | None = None
        refused_since: float | None = None
        while True:
            token = self._tokens.current(refused=refused, stop=context.stop)
            try:
                return self._send_once(request, token, parse, context)
            except crawl_failures.TokenRefused:
                if refused is not None and self._paced is None:
                    raise
                if refused is not None:
                    self._check_client(token, context, time.monotonic(), is_fresh=True)
                    raise crawl_failures.Unclear(
                        "401 for this page alone, with any token"
                    ) from None
                refused = token  # the next try uses a new token; a second 401 ends the tries
            except (
                crawl_failures.Unavailable,
                crawl_failures.BadRequest,
                crawl_failures.TooLarge,
            ) as error:
                if refused_since is not None:
                    if second_requests.may_be_of_client(request.endpoint, error):
                        self._check_client(token, context, refused_since, is_fresh=False)
                    raise
                if not second_requests.is_needed(request.endpoint, error):
                    raise
                refused_since = time.monotonic()
                _wait(context.gap if is_patient else 0.0, context)
            except crawl_failures.Unclear:
                unclear_since = unclear_since or time.monotonic()
                tries += 1
                if tries >= TRIES or not is_patient:
                    self._check_client(token, context, unclear_since, is_fresh=False)
                    raise
                self._wait_before_try(tries, context)
            except crawl_failures.Throttled as error:
                throttles += 1
                if self._paced is None:
                    raise
                is_last = throttles >= THROTTLES_IN_PLACE or not is_patient
                self._paced.pause_all(error, last=is_last)
                _wait(context.gap, context)
            except crawl_failures.UpstreamTrouble as error:
                tries += 1
                is_last = tries >= TRIES or not is_patient
                if is_last and isinstance(error, crawl_failures.Unreachable):
                    raise pause_reports.outage(
                        UNREACHABLE_SECONDS, None, error.explained()
                    ) from error
                if is_last:
                    raise
                self._wait_before_try(tries, context)

    def _send_once(
        self, request: Request, token: str, parse: Parse[T], context: RequestContext
    ) -> T:
        if self._paced is not None:
            return self._paced.send(request, token, parse, context)
        reply = self._api.send(request, token, context)
        return reading.parsed(request.endpoint, self._api.url_of(request), reply, parse)

    def _wait_before_try(self, tries: int, context: RequestContext) -> None:
        pause = backoff.pause_seconds(tries, first=self._try_again_seconds)
        _wait(max(pause, context.gap), context)

    def _check_client(
        self, token: str, context: RequestContext, since: float, *, is_fresh: bool
    ) -> None:
        """Check with a probe that Reddit accepts the client id. If not, raise Outage.

        `since` is the monotonic time of the unclear reply that led to this check. `is_fresh` is
        true for a new token.
        """
        if self._paced is not None:  # only a client with a database can pause other workers
            self._paced.check_client(token, context, since=since, is_fresh=is_fresh)


def _paced(
    database: Database,
    client_id: str,
    longest_wait: float,
    tokens: TokenSource,
    api: ApiExchange,
) -> PacedRequests:
    pause_log = PauseLog()
    limiter = Limiter(database, client_id=client_id, longest_wait=longest_wait, pause_log=pause_log)
    breaker = CircuitBreaker(
        database, client_id=client_id, pause_log=pause_log, on_reply=limiter.has_replied
    )
    return PacedRequests(limiter, breaker, Probe(limiter, breaker, tokens, api), api)


def _wait(seconds: float, context: RequestContext) -> None:
    if seconds > 0 and context.stop.wait(seconds):
        raise crawl_failures.Interrupted("stopped before another try")
