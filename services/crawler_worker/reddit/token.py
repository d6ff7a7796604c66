"""The OAuth token that all workers share, kept in the database and asked for by one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from crawler_worker.reddit import failures, token_endpoint
from crawler_worker.reddit.stop import Stop
from crawler_worker.reddit.transfer import Transport
from crawljobs.db.database import Database
from crawljobs.domain import request_budget
from crawljobs.repository import reddit_tokens
from crawljobs.settings import RedditSettings

REFRESH_EARLY_SECONDS = token_endpoint.REFRESH_EARLY_SECONDS
# The endpoint has a limit of its own (300 in 10 min) and does not say when to come again.
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = request_budget.LONGEST_TOKEN_PAUSE_SECONDS
TROUBLE_PAUSE_SECONDS = 30.0
TURN_SECONDS = request_budget.TOKEN_TURN_SECONDS
LOOK_AGAIN_SECONDS = 0.05


class TokenSource:
    """One per process. `database` None: a token of this process's own."""

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
        """A token that Reddit has not refused; `refused` is one that it just did.

        Raises Throttled and Outage, for all workers; CredentialsRefused, without asking again for
        a while; Interrupted.
        """
        while not self._lock.acquire(timeout=LOOK_AGAIN_SECONDS):
            if stop.is_set():
                raise _told_to_stop()
        try:
            while True:
                if self._token and self._is_fresh(self._token, self._lives(), refused):
                    return self._token
                self._refuse_again()
                if self._database is None:
                    self._adopt(*self._ask(refused))
                    continue
                found = self._adopted(self._database, refused)
                found = found or self._refreshed(self._database, refused)
                if not found and stop.wait(LOOK_AGAIN_SECONDS):
                    raise _told_to_stop()
        finally:
            self._lock.release()

    def _lives(self) -> float:
        return self._expires_at - self._clock()

    @staticmethod
    def _is_fresh(token: str, lives: float, refused: str | None) -> bool:
        return token != refused and lives > REFRESH_EARLY_SECONDS

    def _adopt(self, token: str, lives: float) -> None:
        self._token, self._expires_at = token, self._clock() + lives

    def _adopted(self, database: Database, refused: str | None) -> bool:
        """Whether the database has a token for us. Raises when nobody may ask for one."""
        stored = database.run(
            lambda conn: reddit_tokens.look(conn, client_id=self._settings.client_id)
        )
        if stored.token and self._is_fresh(stored.token, stored.lives, refused):
            self._adopt(stored.token, stored.lives)
            return True
        if stored.ask_again_in > 0:
            raise _postponed(stored.ask_again_in, throttled=stored.throttled)
        return False

    def _refreshed(self, database: Database, refused: str | None) -> bool:
        """Ask for a new token if it is our turn; whether it was."""
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
        except failures.CredentialsRefused:
            run(lambda conn: reddit_tokens.give_back(conn, client_id=client_id))
            raise
        except (failures.Throttled, failures.UpstreamTrouble) as error:
            throttled = isinstance(error, failures.Throttled)
            pause = run(
                lambda conn: reddit_tokens.postpone(
                    conn,
                    client_id=client_id,
                    throttled=throttled,
                    first=FIRST_PAUSE_SECONDS if throttled else TROUBLE_PAUSE_SECONDS,
                    longest=LONGEST_PAUSE_SECONDS,
                )
            )
            raise _postponed(pause, throttled=throttled) from error
        run(lambda conn: reddit_tokens.keep(conn, client_id=client_id, token=token, lives=lives))
        self._adopt(token, lives)
        return True

    def _ask(self, refused: str | None) -> tuple[str, float]:
        """Raises CredentialsRefused for the very token that was refused, too."""
        try:
            token, lives = token_endpoint.fetch(self._settings, self._transport)
            if token == refused:
                raise token_endpoint.refused("the token endpoint gives a refused token again")
            return token, lives
        except failures.CredentialsRefused as error:
            self._refusal, self._refused_until = str(error), self._clock() + error.resume_in
            raise

    def _refuse_again(self) -> None:
        left = self._refused_until - self._clock()
        if left > 0:
            raise failures.CredentialsRefused(self._refusal, resume_in=left)


def _postponed(seconds: float, *, throttled: bool) -> failures.Deferred:
    if throttled:
        return failures.Throttled(
            "429: too many tokens were asked for", retry_after=None, resume_in=seconds
        )
    return failures.Outage("Reddit's token endpoint is in trouble", resume_in=seconds)


def _told_to_stop() -> failures.Interrupted:
    return failures.Interrupted("told to stop while waiting for a token")
