"""Keeps the OAuth token in memory, and shares it with other workers through the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange.transfer import Transport
from crawler_worker.reddit.oauth import token_endpoint
from crawler_worker.reddit.oauth.shared_token import Lifetime, SharedToken
from crawler_worker.reddit.stop import Stop
from crawljobs.db.database import Database
from crawljobs.settings import RedditSettings

REFRESH_EARLY_SECONDS = token_endpoint.REFRESH_EARLY_SECONDS
POLL_SECONDS = 0.05  # time between two checks whether another thread or worker renewed the token


class TokenSource:
    """Keeps a token and returns it to all threads of a process while it is valid.

    The processes share one token through `database`. Without a database, each process has its own
    token.
    """

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
        self._shared = (
            None if database is None else SharedToken(database, client_id=settings.client_id)
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._expires_at = 0.0
        # The next two values are used only if there is no database. After Reddit refused the
        # credentials, `current` sends no request until `_refused_until` (monotonic clock). Until
        # then, `current` raises CredentialsRefused with the message `_refusal`.
        self._refused_until = 0.0
        self._refusal = ""

    def current(self, *, refused: str | None = None, stop: Stop) -> str:
        """Return a stored or a new valid token, but not `refused`, which Reddit has just refused.

        Raises:

        - Throttled, Outage: no worker may request a token now.
        - Interrupted: `stop` was set during a wait.
        - CredentialsRefused: without a database, for REFUSED_PAUSE_SECONDS after Reddit refused the
          credentials.
        - DatabaseUnavailable.
        """
        while not self._lock.acquire(timeout=POLL_SECONDS):
            if stop.is_set():
                raise _interrupted()
        try:
            while True:
                if self._token and self._is_valid(self._token, refused):
                    return self._token
                found = self._find(refused)
                if found is not None:
                    token, lives = found
                    self._token, self._expires_at = token, self._clock() + lives
                elif stop.wait(POLL_SECONDS):
                    raise _interrupted()
        finally:
            self._lock.release()

    def forget(self, token: str) -> None:
        """Delete a token that Reddit refuses, also in the database. Then no request uses it."""
        with self._lock:
            if self._token == token:
                self._token = None
            if self._shared is not None:
                self._shared.forget(token)

    def _is_valid(self, token: str, refused: str | None) -> bool:
        return token != refused and self._expires_at - self._clock() > REFRESH_EARLY_SECONDS

    def _find(self, refused: str | None) -> Lifetime | None:
        """Return a stored or a new token, or None while another worker renews the token."""
        if self._shared is None:
            return self._fetch_alone(refused)
        found = self._shared.read(refused=refused)
        return found or self._shared.renew(lambda: self._fetch(refused), refused=refused)

    def _fetch(self, refused: str | None) -> Lifetime:
        """Request a new token. If the endpoint returns the refused token again, raise
        CredentialsRefused."""
        token, lives = token_endpoint.fetch(self._settings, self._transport)
        if token == refused:
            raise token_endpoint.refused("the token endpoint gives a refused token again")
        return token, lives

    def _fetch_alone(self, refused: str | None) -> Lifetime:
        """Request a token that only this process uses. If Reddit refused the credentials less than
        REFUSED_PAUSE_SECONDS ago, send no request, and raise CredentialsRefused."""
        left = self._refused_until - self._clock()
        if left > 0:
            raise crawl_failures.CredentialsRefused(self._refusal, resume_in=left)
        try:
            return self._fetch(refused)
        except crawl_failures.CredentialsRefused as error:
            self._refusal, self._refused_until = str(error), self._clock() + error.resume_in
            raise


def _interrupted() -> crawl_failures.Interrupted:
    return crawl_failures.Interrupted("stopped while waiting for a token")
