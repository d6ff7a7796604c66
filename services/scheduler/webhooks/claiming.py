"""Claim due deliveries for the sender threads, at most one delivery for each idle thread."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from crawljobs.db.database import Connection, Database
from crawljobs.domain import webhook_fairness
from crawljobs.domain.webhook_fairness import IN_ALL, PER_ENDPOINT
from crawljobs.repository.webhooks import delivery_claim, due_deliveries
from crawljobs.repository.webhooks.delivery_claim import ClaimedDelivery
from crawljobs.runtime.outbound.exchange import TOTAL_SECONDS
from scheduler.webhooks import event_bodies
from scheduler.webhooks.running_attempts import RunningAttempts
from scheduler.webhooks.sender_threads import SenderThreads

PINGS = 4  # maximum number of running pings; other attempts do not count
# The time between the latest end of an attempt and the end of its lease. In this time, the process
# writes the result.
RECORD_SECONDS = 3.0
LEASE = timedelta(seconds=TOTAL_SECONDS + 2 * RECORD_SECONDS)


@dataclass(frozen=True)
class Assignment:
    """A claimed delivery with its body.

    The attempt must end before `deadline`, a time of the monotonic clock. Otherwise another process
    could claim the delivery and send it at the same time.
    """

    delivery: ClaimedDelivery
    body: str
    deadline: float


class Claiming:
    """Claims deliveries for one process. Only one thread may call `claim`."""

    def __init__(
        self,
        database: Database,
        *,
        running: RunningAttempts,
        threads: SenderThreads[Assignment],
        public_url: str | None,
    ) -> None:
        self._database = database
        self._running = running
        self._threads = threads
        self._public_url = public_url

    def claim(self, *, pings: bool) -> list[Assignment]:
        """Claim due deliveries, and pings if `pings` is true. Raises DatabaseUnavailable."""
        return self._database.run(lambda conn: self._claim(conn, pings=pings))

    def _claim(self, conn: Connection, *, pings: bool) -> list[Assignment]:
        claimed_at = time.monotonic()  # the leases begin after this time
        claimed: list[ClaimedDelivery] = []
        if pings:
            free = self._threads.prepare(PINGS - self._running.count(pings=True))
            claimed += delivery_claim.claim_pings(conn, at_most=free, lease=LEASE)
        shares = self._shares(conn, used=len(claimed))
        claimed += delivery_claim.claim(conn, shares=shares, per_endpoint=PER_ENDPOINT, lease=LEASE)
        bodies: Mapping[uuid.UUID, str] = event_bodies.of_deliveries(
            conn, claimed, public_url=self._public_url
        )
        deadline = claimed_at + LEASE.total_seconds() - RECORD_SECONDS
        return [Assignment(each, bodies[each.event_id], deadline) for each in claimed]

    def _shares(self, conn: Connection, *, used: int) -> dict[int, int]:
        """Return how many deliveries to claim for each endpoint.

        `used` is the number of idle threads that the claimed pings will occupy.
        """
        free = IN_ALL - self._running.count(pings=False)
        if free <= 0:
            return {}
        due = due_deliveries.due_endpoints(conn, per_endpoint=PER_ENDPOINT)

        def divided(places: int) -> dict[int, int]:
            return webhook_fairness.shares(
                due,
                free=places,
                slow_running=self._running.count_slow(),
                new_running=self._running.count_new(),
                seconds_of=self._running.seconds_of,
            )

        shares = divided(free)
        wanted = sum(shares.values())
        idle = self._threads.prepare(used + wanted) - used
        return shares if idle >= wanted else divided(max(idle, 0))
