"""Checks whether Reddit accepts the client, by a page that depends on no crawled subreddit.

One worker at a time probes; its result counts for all workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.limiter import Limiter
from crawler_worker.reddit.oauth.token import TokenSource
from crawler_worker.reddit.stop import Stop
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import PausedReason, Slot

# A subreddit that has existed since the start of Reddit; the reply is small.
PATH, PARAMETERS = "/api/info", {"id": "t5_6"}
LOOK_AGAIN_SECONDS = 0.2

Ask = Callable[[str], object]  # sends the probe with this token; raises its CrawlFailure


class Probe:
    """Sends the probe with `ask`, and records the result with the limiter."""

    def __init__(self, limiter: Limiter, tokens: TokenSource, ask: Ask) -> None:
        self._limiter = limiter
        self._tokens = tokens
        self._ask = ask

    def end_pause(self, slot: Slot, token: str, stop: Stop) -> None:
        """Probe with a slot that was given out during a pause, and end the pause on success.

        Raises Outage when the pause continues, and Throttled when Reddit works but replies 429.
        """
        is_fresh = slot.paused_reason is PausedReason.CREDENTIALS_REFUSED
        self._settle(token, stop, is_fresh=is_fresh, is_probe=True)

    def check(self, token: str, stop: Stop, *, since: float, is_fresh: bool) -> None:
        """Check that Reddit accepts the client, after an unclear reply at `since` (monotonic).

        Raises Outage, and pauses all workers, when Reddit does not; SlotTooLate, Throttled,
        Interrupted.
        """
        deadline = time.monotonic() + request_budget.PROBE_SECONDS
        while True:
            turn = self._limiter.take_probe(time.monotonic() - since)
            if turn.pause is not None:
                raise self._limiter.outage_of(turn.pause)
            if turn.is_good:
                return
            if turn.is_mine:
                break
            if time.monotonic() > deadline:
                raise crawl_failures.SlotTooLate(
                    "another worker has been probing Reddit for too long",
                    resume_in=LOOK_AGAIN_SECONDS,
                )
            if stop.wait(LOOK_AGAIN_SECONDS):
                raise crawl_failures.Interrupted("stopped while another worker probes")
        try:
            self._limiter.wait_for_slot(stop)
            self._settle(token, stop, is_fresh=is_fresh, is_probe=False)
        except BaseException:
            self._limiter.give_back_probe()
            raise

    def _settle(self, token: str, stop: Stop, *, is_fresh: bool, is_probe: bool) -> None:
        try:
            try:
                self._ask(token)
            except crawl_failures.TokenRefused:
                if is_fresh:
                    raise
                token = self._tokens.current(refused=token, stop=stop)
                self._ask(token)
        except crawl_failures.TokenRefused as error:
            self._tokens.forget(token)
            found, detail = PausedReason.CREDENTIALS_REFUSED, str(error)
        except crawl_failures.ClientRefused as error:
            found, detail = PausedReason.CLIENT_REFUSED, str(error)
        except crawl_failures.UpstreamTrouble as error:
            found, detail = PausedReason.OUTAGE, error.explained()
        except crawl_failures.Throttled:
            self._limiter.accepted()
            raise
        else:
            self._limiter.accepted()
            return
        raise self._limiter.pause_for(found, detail, is_probe=is_probe)
