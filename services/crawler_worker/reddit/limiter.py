"""Waits for this process's turn in the budget that all workers of a client id share."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from crawler_worker.reddit import budget_headers, crawl_failures
from crawler_worker.reddit.stop import Stop
from crawljobs.db.database import Database
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import (
    Pause,
    PausedReason,
    ProbeTurn,
    Slot,
)
from crawljobs.repository.reddit_api import reddit_budgets, reddit_outages
from crawljobs.runtime import jitter, logs

log = logs.get_logger(__name__)

LONGEST_WAIT_SECONDS = request_budget.LONGEST_SLOT_WAIT_SECONDS
# What nobody asked for waits beside the queue and looks again so soon; when that was in vain for as
# long as above, its job waits for so long. From and to, so that not all come at once.
BESIDE_QUEUE_SECONDS = 0.4, 1.2
BACKGROUND_PAUSE_SECONDS = 30.0, 60.0
# Until the first reply has told the cap, the others of this process wait for it, not longer.
SCOUT_SECONDS = 2.0
SCOUT_POLL_SECONDS = 0.02
# Slept longer than this, somebody may have met a 429 meanwhile.
LONG_SLEEP_SECONDS = 0.05


class Limiter:
    """Shared by the threads of a process; the budget itself is in the database.

    Without the database there is no request: everything raises DatabaseUnavailable.
    """

    def __init__(
        self, database: Database, *, client_id: str, longest_wait: float = LONGEST_WAIT_SECONDS
    ) -> None:
        self._database = database
        self._client_id = client_id
        self._longest_wait = longest_wait
        self._replied = threading.Event()
        self._scout = threading.Lock()
        self._telling = threading.Lock()
        self._told_until = 0.0  # by the monotonic clock: the end of the pause that was logged

    def wait_for_slot(self, stop: Stop, *, in_background: bool = False) -> Slot:
        """Sleep until the request may start. Raises SlotTooLate, Outage, Interrupted."""
        self._let_one_ahead(stop)
        longest_queue = request_budget.BACKGROUND_QUEUE if in_background else None
        beside = 0.0
        while True:
            asked_at = time.monotonic()
            slot = self._reserve(longest_queue)
            if slot.outage:
                raise outage(slot.delay_seconds, slot.paused_reason, slot.paused_detail)
            if not slot.taken:
                if max(beside, slot.delay_seconds) >= self._longest_wait:
                    raise _too_late(slot.delay_seconds, in_background=in_background)
                pause = jitter.uniform(*BESIDE_QUEUE_SECONDS)
                beside += pause
                if stop.wait(pause):
                    raise crawl_failures.Interrupted("told to stop while waiting beside the queue")
                continue
            if slot.delay_seconds > 0 and stop.wait(slot.delay_seconds):
                raise crawl_failures.Interrupted("told to stop while waiting for a request slot")
            if time.monotonic() - asked_at >= slot.expires_seconds:
                continue  # overslept on a busy machine: it would be spent from the next window
            if slot.probe or slot.delay_seconds < LONG_SLEEP_SECONDS or not self._is_paused():
                return slot

    def _reserve(self, longest_queue: float | None) -> Slot:
        return self._database.run(
            lambda conn: reddit_budgets.reserve_slot(
                conn,
                client_id=self._client_id,
                longest_wait=self._longest_wait,
                longest_queue=longest_queue,
            )
        )

    def learn(self, slot: Slot, headers: Mapping[str, str]) -> None:
        """Take over what a reply's headers tell; no headers tell nothing: the slot is spent."""
        report = budget_headers.report_of(headers)
        if report is not None:
            self._database.run(
                lambda conn: reddit_budgets.learn_from_reply(
                    conn, client_id=self._client_id, slot=slot, report=report
                )
            )
        self._replied.set()

    def went_well(self, slot: Slot) -> None:
        """The reply shows Reddit at work, whatever it says."""
        if slot.troubled:
            self._database.run(
                lambda conn: reddit_outages.record_good(conn, client_id=self._client_id)
            )

    def is_doubtful(self) -> bool:
        """Whether one more failed reply would pause all workers: first a probe decides."""
        return self._database.run(
            lambda conn: reddit_outages.would_open(conn, client_id=self._client_id)
        )

    def failed(self, detail: str = "") -> float:
        """Reddit is in trouble: for how many seconds all workers pause for that, 0 if not yet."""
        self._replied.set()
        left = self._database.run(
            lambda conn: reddit_outages.record_failed(
                conn, client_id=self._client_id, detail=detail
            )
        )
        self._tell(left, "outage", detail)
        return left

    def take_probe(self, since: float) -> ProbeTurn:
        """Whether to look now if Reddit accepts the client; `since` in seconds."""
        return self._database.run(
            lambda conn: reddit_outages.take_probe(conn, client_id=self._client_id, since=since)
        )

    def give_back_probe(self) -> None:
        self._database.run(
            lambda conn: reddit_outages.give_back_probe(conn, client_id=self._client_id)
        )

    def accepted(self) -> None:
        """A probe was answered: every pause of the breaker is over."""
        self._replied.set()
        before = self._database.run(
            lambda conn: reddit_outages.record_accepted(conn, client_id=self._client_id)
        )
        if before in request_budget.REFUSED:
            log.error("reddit.accepted_again", reason=before)

    @staticmethod
    def outage_of(pause: Pause) -> crawl_failures.Outage:
        return outage(pause.seconds, pause.reason, pause.detail)

    def pause_for(
        self, reason: PausedReason, detail: str, *, is_probe: bool
    ) -> crawl_failures.Outage:
        """All workers pause; the failure with which the caller's job waits."""
        self._replied.set()
        pause = self._database.run(
            lambda conn: reddit_outages.pause(
                conn, client_id=self._client_id, reason=reason, detail=detail, is_probe=is_probe
            )
        )
        tell_refused(pause)
        if reason is PausedReason.OUTAGE and not is_probe:
            self._tell(pause.seconds, "outage", pause.detail)
        return outage(pause.seconds, pause.reason, pause.detail)

    def pause_all(self, seconds: float | None) -> float:
        """A 429: every worker pauses. For how many seconds from now."""
        self._replied.set()
        self._database.run(
            lambda conn: reddit_budgets.pause_all(conn, client_id=self._client_id, seconds=seconds)
        )
        left = self._pause_left()
        self._tell(left, "429")
        return left

    def _tell(self, seconds: float, reason: str, detail: str = "") -> None:
        """One line when a pause begins; what prolongs it, or comes in late, adds none."""
        with self._telling:
            now = time.monotonic()
            is_news = seconds > 0 and now >= self._told_until
            self._told_until = max(self._told_until, now + seconds)
        if is_news:
            tell_paused(reason, seconds, detail)

    def _pause_left(self) -> float:
        return self._database.run(
            lambda conn: reddit_budgets.pause_left(conn, client_id=self._client_id)
        )

    def _is_paused(self) -> bool:
        return self._pause_left() > 0

    def _let_one_ahead(self, stop: Stop) -> None:
        """Else all threads would reserve at the pace of the default cap before it is learned."""
        deadline = time.monotonic() + SCOUT_SECONDS
        while not self._replied.is_set() and time.monotonic() < deadline:
            if self._scout.acquire(blocking=False):
                return
            if stop.wait(SCOUT_POLL_SECONDS):
                raise crawl_failures.Interrupted("told to stop while waiting for the first reply")
        self._replied.set()


def _too_late(seconds: float, *, in_background: bool) -> crawl_failures.SlotTooLate:
    pause = jitter.uniform(*BACKGROUND_PAUSE_SECONDS) if in_background else 0.0
    return crawl_failures.SlotTooLate(
        f"the next request slot is {seconds:.0f} s away", resume_in=max(seconds, pause)
    )


_PAUSED_FOR = {
    PausedReason.CLIENT_REFUSED: "Reddit refuses the client: its id or address is blocked",
    PausedReason.CREDENTIALS_REFUSED: "Reddit refuses the credentials or every token of theirs",
}


def outage(
    seconds: float, reason: PausedReason | None = None, detail: str = ""
) -> crawl_failures.Outage:
    """The failure of a request during a pause of the breaker, with its cause."""
    why = _PAUSED_FOR.get(reason, "Reddit is in trouble") if reason else "Reddit is in trouble"
    cause = f" ({detail})" if detail else ""
    kind = crawl_failures.Outage
    if reason is PausedReason.CREDENTIALS_REFUSED:
        kind = crawl_failures.CredentialsRefused
    return kind(f"{why}{cause}; the next look is in {seconds:.0f} s", resume_in=seconds)


def tell_paused(reason: str, seconds: float, detail: str) -> None:
    """One line of the log when a pause begins; `detail` says what the worker met."""
    cause = {"detail": detail} if detail else {}
    log.warning("reddit.paused", reason=reason, seconds=round(seconds, 1), **cause)


def tell_refused(pause: Pause) -> None:
    """One line of the log when the client begins to be refused, by the worker that found it."""
    if pause.is_new and pause.reason in request_budget.REFUSED:
        log.error(
            "reddit.refused",
            reason=pause.reason,
            detail=pause.detail,
            seconds=round(pause.seconds, 1),
        )
