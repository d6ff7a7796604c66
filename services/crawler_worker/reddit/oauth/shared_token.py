"""The OAuth token in the database, which all workers of a client id share."""

from __future__ import annotations

from collections.abc import Callable

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.oauth.token_endpoint import REFRESH_EARLY_SECONDS
from crawler_worker.reddit.pacing import pause_reports
from crawljobs.db.database import Connection, Database
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import Pause, PausedReason
from crawljobs.repository.reddit_api import reddit_outages, reddit_tokens, token_turns

# The pause after the first 429 reply of the token endpoint. Each further 429 prolongs the pause, up
# to LONGEST_PAUSE_SECONDS. The endpoint has its own limit of 300 requests in 10 minutes. Its 429
# replies have no Retry-After header.
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = request_budget.LONGEST_TOKEN_PAUSE_SECONDS
TURN_SECONDS = request_budget.TOKEN_TURN_SECONDS
_IN_TROUBLE = "Reddit's token endpoint is in trouble"

Lifetime = tuple[str, float]  # a token, and the seconds until it expires


class SharedToken:
    """Reads and renews the shared token. Only one worker at a time renews the token.

    Each method raises DatabaseUnavailable.
    """

    def __init__(self, database: Database, *, client_id: str) -> None:
        self._database = database
        self._client_id = client_id

    def read(self, *, refused: str | None) -> Lifetime | None:
        """Return the stored token, or None if it is unusable. After None, call `renew`.

        A token is unusable if it expires within REFRESH_EARLY_SECONDS or equals `refused`. Raises
        Throttled or Outage if the token is unusable and no worker may request a new token now.
        """
        stored = self._database.run_statement(
            lambda conn: reddit_tokens.read_token(conn, client_id=self._client_id)
        )
        if stored.token and stored.token != refused and stored.lives > REFRESH_EARLY_SECONDS:
            return stored.token, stored.lives
        if stored.ask_again_in > 0 and stored.throttled:
            raise _throttled(stored.ask_again_in)
        if stored.ask_again_in > 0:
            pause = self._database.run_statement(
                lambda conn: reddit_outages.paused(conn, client_id=self._client_id)
            )
            raise pause_reports.outage(
                stored.ask_again_in,
                None if pause is None else pause.reason,
                _IN_TROUBLE if pause is None else pause.detail,
            )
        return None

    def renew(self, fetch: Callable[[], Lifetime], *, refused: str | None) -> Lifetime | None:
        """Store and return the token that `fetch` returns.

        - If another worker already renews the token: return None.
        - If `fetch` raises Throttled: pause the token requests of all workers, and raise Throttled.
        - If `fetch` fails in another way: pause all requests of all workers, and raise Outage.
        """
        if not self._takes_turn(refused):
            return None
        try:
            token, lives = fetch()
        except crawl_failures.CredentialsRefused as error:
            raise self._pause_all(PausedReason.CREDENTIALS_REFUSED, str(error)) from error
        except crawl_failures.ClientRefused as error:
            raise self._pause_all(PausedReason.CLIENT_REFUSED, str(error)) from error
        except crawl_failures.UpstreamTrouble as error:
            detail = f"{_IN_TROUBLE}: {error.explained()}"
            raise self._pause_all(PausedReason.OUTAGE, detail) from error
        except crawl_failures.Throttled as error:
            raise _throttled(self._postpone()) from error
        self._database.run(
            lambda conn: reddit_tokens.keep(
                conn, client_id=self._client_id, token=token, lives=lives
            )
        )
        return token, lives

    def forget(self, token: str) -> None:
        """Delete the token in the database if it equals `token`, so a newer token is kept."""
        self._database.run(
            lambda conn: reddit_tokens.forget(conn, client_id=self._client_id, token=token)
        )

    def _takes_turn(self, refused: str | None) -> bool:
        return self._database.run(
            lambda conn: token_turns.take_turn(
                conn,
                client_id=self._client_id,
                refused=refused,
                early_seconds=REFRESH_EARLY_SECONDS,
                turn_seconds=TURN_SECONDS,
            )
        )

    def _postpone(self) -> float:
        """Pause all workers' token requests after a 429 reply. Return the pause in seconds."""
        return self._database.run(
            lambda conn: token_turns.postpone(
                conn,
                client_id=self._client_id,
                throttled=True,
                first=FIRST_PAUSE_SECONDS,
                longest=LONGEST_PAUSE_SECONDS,
            )
        )

    def _pause_all(self, reason: PausedReason, detail: str) -> crawl_failures.Outage:
        """Pause all requests of all workers, also token requests. The caller raises the result."""

        def work(conn: Connection) -> Pause:
            pause = reddit_outages.pause(
                conn, client_id=self._client_id, reason=reason, detail=detail, is_probe=False
            )
            token_turns.postpone(
                conn,
                client_id=self._client_id,
                throttled=False,
                first=pause.seconds,
                longest=pause.seconds,
            )
            return pause

        pause = self._database.run(work)
        pause_reports.log_refused(pause)
        if pause.is_new and reason is PausedReason.OUTAGE:
            pause_reports.log_paused(reason, pause.seconds, pause.detail)
        return pause_reports.outage(pause.seconds, pause.reason, pause.detail)


def _throttled(seconds: float) -> crawl_failures.Throttled:
    return crawl_failures.Throttled(
        "429: too many tokens were requested", retry_after=None, resume_in=seconds
    )
