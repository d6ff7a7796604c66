"""Waits for a request slot in the budget that all workers of a client id share."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.pacing import budget_headers, pause_reports
from crawler_worker.reddit.pacing.pause_reports import PauseLog
from crawler_worker.reddit.stop import Stop
from crawljobs.db.database import Database
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import Slot
from crawljobs.repository.reddit_api import reddit_budgets, reddit_pauses, slot_reservation
from crawljobs.runtime import jitter

LONGEST_WAIT_SECONDS = request_budget.LONGEST_SLOT_WAIT_SECONDS
# A background request does not join the queue for slots:
#
# - BESIDE_QUEUE_SECONDS: the range of the random intervals at which the request polls for a free
#   slot.
# - BACKGROUND_PAUSE_SECONDS: if the request gets no slot within LONGEST_WAIT_SECONDS, its job is
#   deferred, at least for a random time in this range. The time is random, so that not all deferred
#   jobs return at once.
BESIDE_QUEUE_SECONDS = 0.4, 1.2
BACKGROUND_PAUSE_SECONDS = 30.0, 60.0
# The first reply that a process receives from Reddit shows the size of the budget. Until this
# reply, the other requests of the process wait, but at most for SCOUT_SECONDS.
SCOUT_SECONDS = 2.0
SCOUT_POLL_SECONDS = 0.02
# After a wait of at least this time, the limiter checks again whether all workers must pause.
# Another worker may have received a 429 during the wait.
LONG_SLEEP_SECONDS = 0.05


class Limiter:
    """Makes each request wait for its slot. The threads of a process share one object.

    The budget is in the database. Each method raises DatabaseUnavailable, so no request is sent
    when the database is unavailable.
    """

    def __init__(
        self,
        database: Database,
        *,
        client_id: str,
        longest_wait: float = LONGEST_WAIT_SECONDS,
        pause_log: PauseLog | None = None,
    ) -> None:
        self._database = database
        self._client_id = client_id
        self._longest_wait = longest_wait
        self._pause_log = pause_log or PauseLog()
        self._replied = threading.Event()
        self._scout = threading.Lock()
        # The monotonic send time of the latest request that got a readable reply.
        self._good_sent_at: float | None = None

    def wait_for_slot(self, stop: Stop, *, in_background: bool = False) -> Slot:
        """Reserve a slot, and wait until the time of the slot.

        Raises:

        - SlotTooLate: the wait for the slot would be longer than `longest_wait`.
        - Outage: all workers pause.
        - Interrupted: `stop` was set during the wait.
        """
        self._let_one_ahead(stop)
        longest_queue = request_budget.BACKGROUND_QUEUE if in_background else None
        beside = 0.0
        while True:
            asked_at = time.monotonic()
            slot = self._reserve(longest_queue)
            if slot.outage:
                raise pause_reports.outage(
                    slot.delay_seconds, slot.paused_reason, slot.paused_detail
                )
            if not slot.taken:
                if max(beside, slot.delay_seconds) >= self._longest_wait:
                    raise _too_late(slot.delay_seconds, in_background=in_background)
                pause = jitter.uniform(*BESIDE_QUEUE_SECONDS)
                beside += pause
                if stop.wait(pause):
                    raise crawl_failures.Interrupted("stopped while polling for a request slot")
                continue
            if slot.delay_seconds > 0 and stop.wait(slot.delay_seconds):
                raise crawl_failures.Interrupted("stopped while waiting for a request slot")
            if time.monotonic() - asked_at >= slot.expires_seconds:
                continue  # the budget window of the slot is over: reserve another slot
            if slot.probe or slot.delay_seconds < LONG_SLEEP_SECONDS or not self._is_paused():
                return slot

    def _reserve(self, longest_queue: float | None) -> Slot:
        return self._database.run(
            lambda conn: slot_reservation.reserve_slot(
                conn,
                client_id=self._client_id,
                longest_wait=self._longest_wait,
                longest_queue=longest_queue,
            )
        )

    def learn(self, slot: Slot, headers: Mapping[str, str]) -> None:
        """Correct the stored budget by a reply's headers, if the reply has budget headers."""
        report = budget_headers.report_of(headers)
        if report is not None:
            self._database.run(
                lambda conn: reddit_budgets.learn_from_reply(
                    conn, client_id=self._client_id, slot=slot, report=report
                )
            )
        self._replied.set()

    def record_good(self, sent_at: float) -> None:
        """Keep the monotonic time at which a request with a readable reply was sent.

        A readable reply ends a series of 429 replies. `pause_all` sends the time to the database
        after the next 429. So a readable reply itself needs no SQL statement.
        """
        self._good_sent_at = max(self._good_sent_at or sent_at, sent_at)

    def has_replied(self) -> None:
        """Record that the process's first request has received a reply or failed. Until then, for
        at most SCOUT_SECONDS, the other threads send no request."""
        self._replied.set()

    def pause_all(self, seconds: float | None) -> float:
        """Pause all workers after a 429 reply. Return the seconds until the pause ends.

        `seconds` is the pause that the reply states, or None if the reply states no pause.
        """
        self._replied.set()
        sent_at = self._good_sent_at
        good_ago = None if sent_at is None else time.monotonic() - sent_at
        self._database.run(
            lambda conn: reddit_pauses.pause_all(
                conn, client_id=self._client_id, seconds=seconds, good_ago=good_ago
            )
        )
        left = self._pause_left()
        stated = "without a duration" if seconds is None else f"with a pause of {seconds:.0f} s"
        self._pause_log.record(left, "429", f"Reddit answered 429 {stated}")
        return left

    def _pause_left(self) -> float:
        return self._database.run_statement(
            lambda conn: reddit_pauses.pause_left(conn, client_id=self._client_id)
        )

    def _is_paused(self) -> bool:
        return self._pause_left() > 0

    def _let_one_ahead(self, stop: Stop) -> None:
        """Let one thread send the process's first request, while all other threads wait.

        Otherwise all threads would reserve slots before the size of the budget is known.
        """
        deadline = time.monotonic() + SCOUT_SECONDS
        while not self._replied.is_set() and time.monotonic() < deadline:
            if self._scout.acquire(blocking=False):
                return
            if stop.wait(SCOUT_POLL_SECONDS):
                raise crawl_failures.Interrupted("stopped while waiting for the first reply")
        self._replied.set()


def _too_late(seconds: float, *, in_background: bool) -> crawl_failures.SlotTooLate:
    pause = jitter.uniform(*BACKGROUND_PAUSE_SECONDS) if in_background else 0.0
    return crawl_failures.SlotTooLate(
        f"the next request slot is {seconds:.0f} s away", resume_in=max(seconds, pause)
    )
