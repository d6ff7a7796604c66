"""The way to Reddit's API: paced, with a fresh token, every reply given its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from crawler_worker.reddit import failures, replies, transfer
from crawler_worker.reddit.limiter import Limiter
from crawler_worker.reddit.stop import Stop
from crawler_worker.reddit.token import TokenSource
from crawljobs.settings import RedditSettings

# Each pause is waited for in place when it is short; after so many the job waits in the queue.
THROTTLES_IN_PLACE = 3

Parameters = Mapping[str, str | int]


class RedditClient:
    """One per process, for all its threads. `limiter` None: the server has no budget to protect."""

    def __init__(
        self,
        settings: RedditSettings,
        *,
        limiter: Limiter | None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._limiter = limiter
        self._http = transfer.open_client(
            user_agent=settings.user_agent, address=settings.api_url, transport=transport
        )
        self._tokens = TokenSource(settings, self._http)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, params: Parameters, *, stop: Stop) -> Any:
        """The JSON value of the reply; every other reply raises its CrawlFailure."""
        return self._ask("GET", path, params, None, stop)

    def post(self, path: str, form: Parameters, *, stop: Stop) -> Any:
        return self._ask("POST", path, {}, form, stop)

    def _ask(
        self, method: str, path: str, params: Parameters, form: Parameters | None, stop: Stop
    ) -> Any:
        throttles = 0
        refused: str | None = None
        while True:
            token = self._tokens.current(refused=refused)
            try:
                return self._ask_once(method, path, params, form, token, stop)
            except failures.TokenRefused:
                if refused is not None:
                    raise
                refused = token  # refreshed once, replayed once
            except failures.Throttled as error:
                throttles += 1
                if self._limiter is None:
                    raise
                pause = self._limiter.pause_all(error.retry_after)
                if throttles >= THROTTLES_IN_PLACE:
                    raise failures.Throttled(
                        str(error), retry_after=error.retry_after, resume_in=pause
                    ) from error

    def _ask_once(
        self,
        method: str,
        path: str,
        params: Parameters,
        form: Parameters | None,
        token: str,
        stop: Stop,
    ) -> Any:
        request = self._http.build_request(
            method,
            f"{self._settings.api_url}{path}",
            params={**params, "raw_json": 1},
            data=form,
            headers={"Authorization": f"bearer {token}"},
        )
        if self._limiter is not None:
            self._limiter.wait_for_slot(stop)
        reply = transfer.exchange(self._http, request)
        if self._limiter is not None:
            self._limiter.learn(reply.headers)
        return replies.value_of(reply.status, reply.headers, reply.content)
