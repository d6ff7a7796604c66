"""The OAuth token that all workers share through the database; one worker at a time renews it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange.transfer import Transport
from crawler_worker.reddit.oauth import token_endpoint
from crawler_worker.reddit.pacing import pause_reports
from crawler_worker.reddit.stop import Stop
from crawljobs.db.database import Connection, Database
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import Pause, PausedReason
from crawljobs.repository.reddit_api import reddit_outages, reddit_tokens
from crawljobs.settings import RedditSettings

REFRESH_EARLY_SECONDS = token_endpoint.REFRESH_EARLY_SECONDS
# Pauses after a 429 of the token endpoint. Its own limit is 300 requests in 10 minutes, and it
# sends no Retry-After.
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = request_budget.LONGEST_TOKEN_PAUSE_SECONDS
_IN_TROUBLE = "Reddit's token endpoint is in trouble"
TURN_SECONDS = request_budget.TOKEN_TURN_SECONDS
POLL_SECONDS = 0.05


class TokenSource:
    """One for each process. Without a `database` the token belongs to this process alone."""

    def __init__(
        self,
        settings: RedditSettings,
        transport: Transport,
        *,
        database: Database | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._expires_at = 0.0
        self._refused_until = 0.0
        self._refusal = ""

    def current(self, *, refused: str | None = None, stop: Stop) -> str:
        """A valid token; never `refused`, which Reddit has just refused.

        Raises Throttled and Outage, which pause all workers; CredentialsRefused, during
        REFUSED_PAUSE_SECONDS without a new request; Interrupted; DatabaseUnavailable.
        """
        while not self._lock.acquire(timeout=POLL_SECONDS):
            if stop.is_set():
                raise _interrupted()
        try:
            while True:
                if self._token and self._is_fresh(self._token, self._lives(), refused):
                    return self._token
                self._refuse_again()
                if self._database is None:
                    self._adopt(*self._ask(refused))
                    continue
                found = self._adopt_stored(self._database, refused)
                found = found or self._refresh(self._database, refused)
                if not found and stop.wait(POLL_SECONDS):
                    raise _interrupted()
        finally:
            self._lock.release()

    def _lives(self) -> float:
        return self._expires_at - self._clock()

    @staticmethod
    def _is_fresh(token: str, lives: float, refused: str | None) -> bool:
        return token != refused and lives > REFRESH_EARLY_SECONDS

    def _adopt(self, token: str, lives: float) -> None:
        self._token, self._expires_at = token, self._clock() + lives

    def _adopt_stored(self, database: Database, refused: str | None) -> bool:
        """Adopt the token of the database; returns False when it has no valid one.

        Raises Throttled or Outage while no worker may request a token.
        """
        stored = database.run(
            lambda conn: reddit_tokens.read_token(conn, client_id=self._settings.client_id)
        )
        if stored.token and self._is_fresh(stored.token, stored.lives, refused):
            self._adopt(stored.token, stored.lives)
            return True
        if stored.ask_again_in > 0 and stored.throttled:
            raise _throttled(stored.ask_again_in)
        if stored.ask_again_in > 0:
            client_id = self._settings.client_id
            pause = database.run(lambda conn: reddit_outages.paused(conn, client_id=client_id))
            raise pause_reports.outage(
                stored.ask_again_in,
                None if pause is None else pause.reason,
                _IN_TROUBLE if pause is None else pause.detail,
            )
        return False

    def _pause_all(
        self, database: Database, reason: PausedReason, detail: str
    ) -> crawl_failures.Outage:
        """Pause all requests of all workers, token requests included; returns the failure."""
        client_id = self._settings.client_id

        def work(conn: Connection) -> Pause:
            pause = reddit_outages.pause(
                conn, client_id=client_id, reason=reason, detail=detail, is_probe=False
            )
            reddit_tokens.postpone(
                conn,
                client_id=client_id,
                throttled=False,
                first=pause.seconds,
                longest=pause.seconds,
            )
            return pause

        pause = database.run(work)
        pause_reports.log_refused(pause)
        if pause.is_new and reason is PausedReason.OUTAGE:
            pause_reports.log_paused(reason, pause.seconds, pause.detail)
        return pause_reports.outage(pause.seconds, pause.reason, pause.detail)

    def forget(self, token: str) -> None:
        """Discard a fresh token that Reddit refuses, so that the next request uses a new one."""
        with self._lock:
            if self._token == token:
                self._token = None
            if self._database is not None:
                client_id = self._settings.client_id
                self._database.run(
                    lambda conn: reddit_tokens.forget(conn, client_id=client_id, token=token)
                )

    def _refresh(self, database: Database, refused: str | None) -> bool:
        """Request a new token, unless another worker does; returns whether this worker did."""
        client_id, run = self._settings.client_id, database.run
        if not run(
            lambda conn: reddit_tokens.take_turn(
                conn,
                client_id=client_id,
                refused=refused,
                early_seconds=REFRESH_EARLY_SECONDS,
                turn_seconds=TURN_SECONDS,
            )
        ):
            return False
        try:
            token, lives = self._ask(refused)
        except crawl_failures.CredentialsRefused as error:
            reason, text = PausedReason.CREDENTIALS_REFUSED, str(error)
            raise self._pause_all(database, reason, text) from error
        except crawl_failures.ClientRefused as error:
            reason, text = PausedReason.CLIENT_REFUSED, str(error)
            raise self._pause_all(database, reason, text) from error
        except crawl_failures.UpstreamTrouble as error:
            text = f"Reddit's token endpoint is in trouble: {error.explained()}"
            raise self._pause_all(database, PausedReason.OUTAGE, text) from error
        except crawl_failures.Throttled as error:
            pause = run(
                lambda conn: reddit_tokens.postpone(
                    conn,
                    client_id=client_id,
                    throttled=True,
                    first=FIRST_PAUSE_SECONDS,
                    longest=LONGEST_PAUSE_SECONDS,
                )
            )
            raise _throttled(pause) from error
        run(lambda conn: reddit_tokens.keep(conn, client_id=client_id, token=token, lives=lives))
        self._adopt(token, lives)
        return True

    def _ask(self, refused: str | None) -> tuple[str, float]:
        """Request a token. Raises CredentialsRefused also when the endpoint returns the refused
        token again."""
        try:
            token, lives = token_endpoint.fetch(self._settings, self._transport)
            if token == refused:
                raise token_endpoint.refused("the token endpoint gives a refused token again")
            return token, lives
        except crawl_failures.CredentialsRefused as error:
            if self._database is None:
                self._refusal, self._refused_until = str(error), self._clock() + error.resume_in
            raise

    def _refuse_again(self) -> None:
        left = self._refused_until - self._clock()
        if left > 0:
            raise crawl_failures.CredentialsRefused(self._refusal, resume_in=left)


def _throttled(seconds: float) -> crawl_failures.Throttled:
    return crawl_failures.Throttled(
        "429: too many tokens were requested", retry_after=None, resume_in=seconds
    )


def _interrupted() -> crawl_failures.Interrupted:
    return crawl_failures.Interrupted("stopped while waiting for a token")
