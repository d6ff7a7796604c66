"""The client of Reddit's API: it paces requests, sends a valid token and retries failures."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlencode

from crawler_worker.reddit import crawl_failures, probe, reading, reddit_pauses, second_looks
from crawler_worker.reddit import limiter as limiters
from crawler_worker.reddit.exchange import transfer
from crawler_worker.reddit.exchange.transfer import Transport
from crawler_worker.reddit.limiter import Limiter
from crawler_worker.reddit.oauth.token import TokenSource
from crawler_worker.reddit.probe import Probe
from crawler_worker.reddit.request import Parameters, Request
from crawler_worker.reddit.stop import Stop
from crawljobs.db.database import Database
from crawljobs.domain.request_budget import Slot
from crawljobs.runtime import jitter, metrics
from crawljobs.settings import RedditSettings

# At this number of 429 replies to one request its job is deferred; before, the thread waits.
THROTTLES_IN_PLACE = 3
# Tries of a failed request before the failure is raised: most failures pass within a second.
TRIES = 3
TRY_AGAIN_SECONDS = 1.0  # pause before the second try; doubles
# For a longer gap between two requests the job is deferred, so that the worker can do another job.
LONGEST_GAP_SECONDS = 30.0
# Deferral of a job that could not connect; no attempt is charged.
UNREACHABLE_SECONDS = 10.0

T = TypeVar("T")
Parse = Callable[[Any], T]


class _ThreadState(threading.local):
    """The state of the calling thread."""

    sent = 0
    in_background = False
    gap = 0.0


class RedditClient:
    """One for each process, shared by `threads` threads.

    Without a `database` there is no shared budget, and the token belongs to this process alone.
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
        self._settings = settings
        self._limiter = (
            Limiter(database, client_id=settings.client_id, longest_wait=longest_wait)
            if database is not None
            else None
        )
        self._try_again_seconds = try_again_seconds
        self._transport = transport or transfer.open_transport(settings, threads=threads)
        self._tokens = TokenSource(settings, self._transport, database=database)
        self._mine = _ThreadState()
        self._probe = (
            None if self._limiter is None else Probe(self._limiter, self._tokens, self._ask_probe)
        )

    def close(self) -> None:
        self._transport.close()

    def sent(self) -> int:
        """The number of API requests that the calling thread has made."""
        return self._mine.sent

    def forget_reply(self) -> None:
        """Call this when the reply is stored: another thread may then read a large reply."""
        self._transport.large.leave()

    @contextlib.contextmanager
    def asking(self, *, in_background: bool, gap: float) -> Iterator[None]:
        """Set the options of the calling thread's requests within this context.

        A request `in_background` does not queue for slots. Tries of one request are `gap` seconds
        apart; with a gap over LONGEST_GAP_SECONDS there is one try.
        """
        self._mine.in_background, self._mine.gap = in_background, gap
        try:
            yield
        finally:
            self._mine.in_background, self._mine.gap = False, 0.0

    def get(self, path: str, params: Parameters, parse: Parse[T], *, stop: Stop) -> T:
        """Send a GET request; returns the parsed JSON value. Raises the CrawlFailure of a failed
        reply, Interrupted and DatabaseUnavailable.

        `parse` runs while no other large reply is decoded. A reply for which it raises
        UpstreamTrouble is unclear.
        """
        return self._ask(Request("GET", path, params), parse, stop)

    def post(self, path: str, form: Parameters, parse: Parse[T], *, stop: Stop) -> T:
        """Like `get`, for a POST that only reads: a failed request is sent again."""
        return self._ask(Request("POST", path, {}, form), parse, stop)

    def _ask(self, request: Request, parse: Parse[T], stop: Stop) -> T:
        throttles = tries = 0
        is_patient = self._mine.gap <= LONGEST_GAP_SECONDS
        refused: str | None = None
        unclear_since: float | None = None
        is_second_look = False
        while True:
            token = self._tokens.current(refused=refused, stop=stop)
            try:
                return self._ask_once(request, token, parse, stop)
            except crawl_failures.TokenRefused:
                if refused is not None and self._probe is None:
                    raise
                if refused is not None:
                    self._check_client(token, stop, time.monotonic(), is_fresh=True)
                    raise crawl_failures.Unclear(
                        "401 for this page alone, with any token"
                    ) from None
                refused = token  # refreshed once, replayed once
            except (
                crawl_failures.Unavailable,
                crawl_failures.BadRequest,
                crawl_failures.TooLarge,
            ) as error:
                if is_second_look or not second_looks.needs_second_request(request.endpoint, error):
                    raise
                is_second_look = True
                self._wait(self._mine.gap if is_patient else 0.0, stop)
            except crawl_failures.Unclear:
                unclear_since = unclear_since or time.monotonic()
                tries += 1
                if tries >= TRIES or not is_patient:
                    self._check_client(token, stop, unclear_since, is_fresh=False)
                    raise
                self._wait_before_try(tries, stop)
            except crawl_failures.Throttled as error:
                throttles += 1
                self._pause_all(error, last=throttles >= THROTTLES_IN_PLACE or not is_patient)
                self._wait(self._mine.gap, stop)
            except crawl_failures.UpstreamTrouble as error:
                tries += 1
                is_last = tries >= TRIES or not is_patient
                if is_last and isinstance(error, crawl_failures.Unreachable):
                    raise reddit_pauses.outage(
                        UNREACHABLE_SECONDS, None, error.explained()
                    ) from error
                if is_last:
                    raise
                self._wait_before_try(tries, stop)

    def _wait_before_try(self, tries: int, stop: Stop) -> None:
        longest = self._try_again_seconds * 2 ** (tries - 1)
        self._wait(max(jitter.uniform(longest / 2, longest), self._mine.gap), stop)

    def _check_client(self, token: str, stop: Stop, since: float, *, is_fresh: bool) -> None:
        """Probe whether Reddit accepts the client for another page. Raises Outage if not."""
        if self._probe is None:
            return  # without a database the result could not be shared with other workers
        try:
            self._probe.check(token, stop, since=since, is_fresh=is_fresh)
        except crawl_failures.Throttled as error:
            self._pause_all(error, last=True)

    def _ask_probe(self, token: str) -> None:
        request = Request("GET", probe.PATH, probe.PARAMETERS)
        reading.check_probe(self._url(request), self._exchange(request, token))

    def _pause_all(self, error: crawl_failures.Throttled, *, last: bool) -> None:
        if self._limiter is None:
            raise error
        pause = self._limiter.pause_all(error.retry_after)
        if last:
            raise crawl_failures.Throttled(
                str(error), retry_after=error.retry_after, resume_in=pause
            ) from error

    @staticmethod
    def _wait(seconds: float, stop: Stop) -> None:
        if seconds > 0 and stop.wait(seconds):
            raise crawl_failures.Interrupted("stopped before another try")

    def _ask_once(self, request: Request, token: str, parse: Parse[T], stop: Stop) -> T:
        if self._limiter is None or self._probe is None:
            reply = self._exchange(request, token)
            return reading.parsed(request.endpoint, self._url(request), reply, parse)
        in_background = self._mine.in_background
        with metrics.slot_wait.time():
            slot = self._limiter.wait_for_slot(stop, in_background=in_background)
        while slot.probe:
            self._probe.end_pause(slot, token, stop)
            slot = self._limiter.wait_for_slot(stop, in_background=in_background)
        try:
            return self._send_and_record(self._limiter, slot, request, token, parse)
        except crawl_failures.Unclear:
            raise  # proves neither that Reddit works nor that it fails
        except crawl_failures.UpstreamTrouble as error:
            # Broken pages of one subreddit are not an outage: a probe of another page decides.
            if self._limiter.is_doubtful():
                self._check_client(token, stop, time.monotonic(), is_fresh=False)
            outage = self._limiter.failed(error.explained())
            if outage > 0:
                raise reddit_pauses.outage(outage, None, error.explained()) from error
            raise

    def _send_and_record(
        self, limiter: Limiter, slot: Slot, request: Request, token: str, parse: Parse[T]
    ) -> T:
        """Send the request; returns the parsed reply. A valid reply is recorded for all workers."""
        try:
            reply = self._exchange(request, token)
            limiter.learn(slot, reply.headers)
            value = reading.parsed(request.endpoint, self._url(request), reply, parse)
        except crawl_failures.UpstreamTrouble:
            raise
        except crawl_failures.CrawlFailure:
            limiter.record_success(slot)
            raise
        limiter.record_success(slot)
        return value

    def _url(self, request: Request) -> str:
        return f"{self._settings.api_url}{request.path}"

    def _exchange(self, request: Request, token: str) -> transfer.Exchange:
        query = urlencode({**request.params, "raw_json": 1})
        headers = {"Authorization": f"bearer {token}"}
        body = None
        if request.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(request.form).encode()
        self._mine.sent += 1
        url = f"{self._url(request)}?{query}"
        return self._transport.send(transfer.Request(request.method, url, headers, body))
