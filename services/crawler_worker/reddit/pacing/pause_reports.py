"""Builds the error that a request raises during a pause of all workers, and logs these pauses."""

from __future__ import annotations

import threading
import time

from crawler_worker.reddit import crawl_failures
from crawljobs.domain import budget_state, request_budget
from crawljobs.domain.request_budget import Pause, PausedReason
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

_PAUSED_FOR = {
    PausedReason.CLIENT_REFUSED: "Reddit refuses the client: its id or address is blocked",
    PausedReason.CREDENTIALS_REFUSED: "Reddit refuses the credentials or each of their tokens",
}


def outage(
    seconds: float, reason: PausedReason | None = None, detail: str = ""
) -> crawl_failures.Outage:
    """Return the error to raise for a request while all workers pause.

    `reason` is the cause of the pause.
    """
    why = _PAUSED_FOR.get(reason, "Reddit is in trouble") if reason else "Reddit is in trouble"
    cause = f" ({detail})" if detail else ""
    kind = crawl_failures.Outage
    if reason is PausedReason.CREDENTIALS_REFUSED:
        kind = crawl_failures.CredentialsRefused
    return kind(f"{why}{cause}; the next probe is in {seconds:.0f} s", resume_in=seconds)


def log_paused(reason: str, seconds: float, detail: str) -> None:
    """Log that a pause begins. `detail` describes the failure that caused the pause."""
    cause = {"detail": detail} if detail else {}
    log.warning("reddit.paused", reason=reason, seconds=round(seconds, 1), **cause)


def log_refused(pause: Pause) -> None:
    """If the pause is new and its reason is a refusal of the client, log the reason and a remedy.

    So only the worker that started the pause writes the line.
    """
    if pause.is_new and pause.reason in request_budget.REFUSED:
        log.error(
            "reddit.refused",
            reason=pause.reason,
            detail=pause.detail,
            remedy=budget_state.REMEDIES[pause.reason],
            seconds=round(pause.seconds, 1),
        )


class PauseLog:
    """Logs each pause once, at its start. Does not log an extension or a repeated report."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logged_until = 0.0  # end of the logged pause, by the monotonic clock

    def record(self, seconds: float, reason: str, detail: str = "") -> None:
        """If the last logged pause is over, log a pause of `seconds` that starts now."""
        with self._lock:
            now = time.monotonic()
            is_new = seconds > 0 and now >= self._logged_until
            self._logged_until = max(self._logged_until, now + seconds)
        if is_new:
            log_paused(reason, seconds, detail)
