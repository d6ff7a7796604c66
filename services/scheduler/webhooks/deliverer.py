"""The loop of the deliverer: expand events, claim deliveries, and hand them to the senders."""

from __future__ import annotations

import threading
import time

from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.domain.webhook_fairness import IN_ALL
from crawljobs.repository.webhooks import (
    due_deliveries,
    event_expansion,
    interrupted_attempts,
)
from crawljobs.runtime import backoff, logs
from crawljobs.runtime.outbound.exchange import TOTAL_SECONDS, Sender
from crawljobs.settings import WebhookSettings
from scheduler.webhooks import sending
from scheduler.webhooks.claiming import LEASE, PINGS, Assignment, Claiming
from scheduler.webhooks.outcomes import Outcomes
from scheduler.webhooks.running_attempts import RunningAttempts
from scheduler.webhooks.sender_threads import SenderThreads
from scheduler.webhooks.upkeep import Upkeep

log = logs.get_logger(__name__)

POLL_SECONDS = 0.4  # the pause between two searches for work in the database
LEAST_PAUSE_SECONDS = 0.02  # pause after a wake-up, so that several ended attempts cause one claim
BACKOFF_SECONDS = 0.5  # the pause after an error; each further error doubles it
BACKOFF_MAX_SECONDS = 15.0
DRAIN_SECONDS = 4.0  # time limit for present attempts when the process stops


class Deliverer(threading.Thread):
    """Delivers until `stop`. No error ends this thread, and no error reaches the other threads.

    Several processes share the deliveries.
    """

    def __init__(self, database: Database, *, sender: Sender, chosen: WebhookSettings) -> None:
        super().__init__(name="webhook-deliverer", daemon=True)
        self._database = database
        self._sender = sender
        self._chosen = chosen
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._running = RunningAttempts()
        self._outcomes = Outcomes(database, self._stopping)
        self._threads = SenderThreads(self._deliver, most=IN_ALL + PINGS)
        self._claiming = Claiming(
            database, running=self._running, threads=self._threads, public_url=chosen.public_url
        )
        self._beat_at = time.monotonic()
        self._upkeep = Upkeep(database)

    def stop(self) -> None:
        """Let the loop end after its present round. The loop then claims no more deliveries."""
        self._stopping.set()
        self._wake.set()

    def drain(self, seconds: float = DRAIN_SECONDS) -> bool:
        """Wait for the present attempts. Release the deliveries whose attempts do not end in time.

        Must be called after `stop`. Another process sends a released delivery again at once.
        Returns whether all threads are idle.
        """
        deadline = time.monotonic() + seconds
        if self.is_alive():
            self.join(seconds)
        left = self._running.wait_for_all(max(0.0, deadline - time.monotonic()))
        if not left:
            return not self.is_alive()
        log.warning("webhook.attempts_interrupted", count=len(left))
        try:
            self._database.run(
                lambda conn: interrupted_attempts.release(conn, claims=left, lease=LEASE)
            )
        except errors.DatabaseUnavailable as error:
            log.warning("webhook.claims_not_released", reason=str(error))
        return False

    def seconds_since_beat(self) -> float:
        """Return the seconds since the loop last began a round. Errors do not stop the loop."""
        return time.monotonic() - self._beat_at

    def run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._beat_at = time.monotonic()
            try:
                is_busy = self.step()
                failures, pause = 0, LEAST_PAUSE_SECONDS if is_busy else POLL_SECONDS
            except errors.DatabaseUnavailable as error:
                failures += 1
                pause = _backoff_seconds(failures)
                log.warning(
                    "webhook.database_unavailable", reason=str(error), again_in=round(pause, 2)
                )
            except Exception:
                failures += 1
                pause = _backoff_seconds(failures)
                log.exception("webhook.deliverer_failed", again_in=round(pause, 2))
            if failures:
                self._stopping.wait(pause)
            elif not self._wake.wait(pause):
                continue
            self._stopping.wait(LEAST_PAUSE_SECONDS)
            self._wake.clear()

    def step(self) -> bool:
        """Run one chunk of each due task. Return whether new events may be left to process."""
        waiting = self._database.run_statement(due_deliveries.waiting_work)
        self._upkeep.run(interrupted=waiting.interrupted)
        is_busy = False
        if waiting.events:
            expanded = self._database.run(event_expansion.expand)
            is_busy = expanded == event_expansion.CHUNK
        if waiting.pings or waiting.deliveries or waiting.events:
            self._claim(pings=waiting.pings)
        return is_busy

    def _claim(self, *, pings: bool) -> None:
        """Claim due deliveries, and pings if `pings` is true. Give all claims to the senders."""
        assigned = self._claiming.claim(pings=pings)
        for each in assigned:
            self._running.add(each.delivery)
        for each in assigned:
            self._threads.put(each)

    def _deliver(self, assigned: Assignment) -> None:
        """Make one attempt and record it. A sender's thread calls this."""
        delivery = assigned.delivery
        began = time.monotonic()
        try:
            seconds = min(TOTAL_SECONDS, assigned.deadline - began)
            if seconds <= 0:
                # The process was stopped or had no CPU time. After the end of the lease, the
                # delivery is claimed again.
                log.warning("webhook.attempt_skipped", delivery_id=delivery.id)
                return
            attempted = sending.attempt(
                delivery, assigned.body, sender=self._sender, chosen=self._chosen, seconds=seconds
            )
            self._outcomes.record(delivery, attempted)
        finally:
            self._running.finish(delivery, time.monotonic() - began)
            self._wake.set()


def _backoff_seconds(failures: int) -> float:
    return backoff.pause_seconds(failures, first=BACKOFF_SECONDS, longest=BACKOFF_MAX_SECONDS)
