"""The OAuth token of this process, refreshed by one thread at a time."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

import httpx

from crawler_worker.reddit import decoding, failures, transfer
from crawljobs.settings import RedditSettings

REFRESH_EARLY_SECONDS = 60.0  # a token must not expire on its way
LIFE_MAX_SECONDS = 86_400.0
# The endpoint has a limit of its own (300 in 10 min) and does not say when to come again.
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
# Somebody has to correct the credentials; until then a look now and then is enough.
REFUSED_PAUSE_SECONDS = 300.0

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")  # anything else could end a header


class TokenSource:
    def __init__(
        self,
        settings: RedditSettings,
        http: httpx.Client,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._expires_at = 0.0
        self._refusal: failures.Deferred | None = None
        self._refused_until = 0.0
        self._pause = FIRST_PAUSE_SECONDS

    def current(self, *, refused: str | None = None) -> str:
        """A token that Reddit has not refused; `refused` is one that it just did.

        Raises Throttled, CredentialsRefused (without asking again for a while), UpstreamTrouble.
        """
        with self._lock:
            now = self._clock()
            if self._token is not None and self._token != refused and now < self._expires_at:
                return self._token
            if self._refusal is not None and now < self._refused_until:
                raise self._still_refused(self._refusal, self._refused_until - now)
            self._token = None
            try:
                self._token, lives = self._fetch()
            except failures.Deferred as error:
                self._refusal, self._refused_until = error, now + error.resume_in
                raise
            self._expires_at = now + lives - REFRESH_EARLY_SECONDS
            self._refusal, self._pause = None, FIRST_PAUSE_SECONDS
            return self._token

    def _fetch(self) -> tuple[str, float]:
        request = self._http.build_request(
            "POST",
            f"{self._settings.auth_url}/api/v1/access_token",
            data={"grant_type": "client_credentials"},
        )
        auth = httpx.BasicAuth(self._settings.client_id, self._settings.client_secret)
        reply = transfer.exchange(self._http, next(auth.auth_flow(request)))
        if reply.status == 429:
            pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            raise failures.Throttled(
                "429: too many tokens were asked for", retry_after=None, resume_in=pause
            )
        if 400 <= reply.status < 500 and reply.status != 408:
            raise _refused(f"{reply.status} from the token endpoint")
        if reply.status != 200:
            raise failures.UpstreamTrouble(f"the token endpoint answered {reply.status}")
        return _token_of(reply.content)

    @staticmethod
    def _still_refused(refusal: failures.Deferred, left: float) -> failures.Deferred:
        if isinstance(refusal, failures.Throttled):
            return failures.Throttled(str(refusal), retry_after=None, resume_in=left)
        return type(refusal)(str(refusal), resume_in=left)


def _token_of(content: bytes) -> tuple[str, float]:
    body = decoding.decode(content)
    if not isinstance(body, dict):
        raise failures.UpstreamTrouble("the token endpoint sent no object")
    if "error" in body:  # comes with 200 too
        raise _refused(repr(body["error"])[:60])
    token, lives = body.get("access_token"), body.get("expires_in")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise failures.UpstreamTrouble("the token endpoint sent no token")
    if not isinstance(lives, int | float):
        lives = 3600.0
    return token, max(2 * REFRESH_EARLY_SECONDS, min(float(lives), LIFE_MAX_SECONDS))


def _refused(what: str) -> failures.CredentialsRefused:
    return failures.CredentialsRefused(
        f"Reddit refuses REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET ({what}): correct them",
        resume_in=REFUSED_PAUSE_SECONDS,
    )
