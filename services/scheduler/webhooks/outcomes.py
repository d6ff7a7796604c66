"""Decide a delivery's state after an attempt, and write state and attempt in one transaction."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain import webhook_retry
from crawljobs.domain.webhook import AttemptResult, DeliveryKind, DeliveryState
from crawljobs.repository.webhooks import attempt_recording
from crawljobs.repository.webhooks.delivery_claim import ClaimedDelivery
from crawljobs.runtime import jitter, logs, metrics
from crawljobs.runtime.log_limit import LogLimit
from scheduler.webhooks import endpoint_disabling
from scheduler.webhooks.sending import Attempted

log = logs.get_logger(__name__)

# The minimum time between two writes of an endpoint's last success or last failure. So the stored
# times may be too old by NOTE_PAUSE.
NOTE_PAUSE = timedelta(seconds=10)
WRITE_TRIES = 5
WRITE_PAUSE_SECONDS = 0.5  # the pause between two tries to write, if the database does not answer


class Outcomes:
    """Records finished attempts. Thread-safe."""

    def __init__(self, database: Database, stop: threading.Event) -> None:
        self._database = database
        self._stop = stop
        self._limit = LogLimit()
        self._noted: dict[int, float] = {}  # for each endpoint: when a success was last stored

    def record(self, delivery: ClaimedDelivery, attempted: Attempted) -> None:
        """Write the attempt and its consequences, count the attempt, and log a failure.

        If the database does not answer in WRITE_TRIES tries, nothing is written. Then the lease
        ends, and the delivery is sent again with the same id.
        """
        for attempt in range(WRITE_TRIES):
            try:
                number, disabled = self._written(delivery, attempted)
                break
            except errors.DatabaseUnavailable as error:
                if attempt + 1 == WRITE_TRIES or self._stop.wait(WRITE_PAUSE_SECONDS):
                    log.warning(
                        "webhook.attempt_not_recorded", delivery_id=delivery.id, reason=str(error)
                    )
                    return
        result = attempted.attempt.result
        metrics.webhook_attempts.labels(result).inc()
        is_first = delivery.attempts == delivery.interruptions == 0
        if is_first and delivery.kind is DeliveryKind.EVENT:
            metrics.webhook_first_attempt.observe(delivery.waited_seconds)
        if result is AttemptResult.SUCCEEDED:
            if not self._has_noted(delivery.endpoint_id):
                self._noted[delivery.endpoint_id] = time.monotonic()
            return
        self._noted.pop(delivery.endpoint_id, None)
        if (left_out := self._limit.lines_left_out()) is not None:
            log.warning(
                "webhook.attempt_failed",
                endpoint_id=delivery.endpoint_id,
                delivery_id=delivery.id,
                number=number,
                result=result,
                status_code=attempted.attempt.status_code,
                detail=attempted.attempt.detail,
                lines_left_out=left_out,
            )
        if disabled is not None:
            disabled.log()

    def _written(
        self, delivery: ClaimedDelivery, attempted: Attempted
    ) -> tuple[int | None, endpoint_disabling.DisabledEndpoint | None]:
        """Write the attempt. If the endpoint's row does not change, execute only one statement."""
        has_succeeded = attempted.attempt.result is AttemptResult.SUCCEEDED
        if has_succeeded and self._has_noted(delivery.endpoint_id):
            return self._database.run_statement(
                lambda conn: (_record(conn, delivery, attempted), None)
            )
        return self._database.run(lambda conn: self._write(conn, delivery, attempted))

    def _write(
        self, conn: Connection, delivery: ClaimedDelivery, attempted: Attempted
    ) -> tuple[int | None, endpoint_disabling.DisabledEndpoint | None]:
        finished = attempted.attempt
        has_succeeded = finished.result is AttemptResult.SUCCEEDED
        failed_at = None
        if has_succeeded:
            attempt_recording.note_success(conn, endpoint_id=delivery.endpoint_id, pause=NOTE_PAUSE)
        elif delivery.kind is not DeliveryKind.PING:
            failed_at = attempt_recording.note_failure(
                conn, endpoint_id=delivery.endpoint_id, pause=NOTE_PAUSE
            )
        number = _record(conn, delivery, attempted)
        if has_succeeded:
            return number, None
        disabled = endpoint_disabling.disable_if_dead(
            conn,
            endpoint_id=delivery.endpoint_id,
            status_code=finished.status_code,
            failed_at=failed_at,
        )
        return number, disabled

    def _has_noted(self, endpoint_id: int) -> bool:
        """Return whether this process stored a success of the endpoint in the last NOTE_PAUSE."""
        noted = self._noted.get(endpoint_id)
        return noted is not None and time.monotonic() - noted < NOTE_PAUSE.total_seconds()


def _record(conn: Connection, delivery: ClaimedDelivery, attempted: Attempted) -> int | None:
    has_succeeded = attempted.attempt.result is AttemptResult.SUCCEEDED
    delay = None if has_succeeded else delay_before_next(delivery, attempted)
    return attempt_recording.record(
        conn,
        delivery_id=delivery.id,
        token=delivery.token,
        attempt=attempted.attempt,
        state=state_after(has_succeeded=has_succeeded, delay=delay),
        delay=delay or timedelta(0),
    )


def delay_before_next(delivery: ClaimedDelivery, attempted: Attempted) -> timedelta | None:
    """Return the delay between this failed attempt and the next attempt.

    Returns None if no attempt follows.
    """
    if delivery.kind is DeliveryKind.PING:
        return None
    return webhook_retry.delay_before_retry(
        delivery.attempts + 1,
        result=attempted.attempt.result,
        status_code=attempted.attempt.status_code,
        retry_after=attempted.retry_after,
        uniform=jitter.uniform,
    )


def state_after(*, has_succeeded: bool, delay: timedelta | None) -> DeliveryState:
    """Return the state of a delivery after an attempt."""
    if has_succeeded:
        return DeliveryState.DELIVERED
    return DeliveryState.FAILED if delay is None else DeliveryState.PENDING
