"""The delivery attempts that this process makes now, and their mean duration for each endpoint."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

from crawljobs.domain.webhook import DeliveryKind
from crawljobs.domain.webhook_fairness import SLOW_SECONDS
from crawljobs.repository.webhooks.delivery_claim import ClaimedDelivery

ENDPOINTS_MAX = 200  # maximum number of endpoints whose mean duration is in memory
_WEIGHT = 0.3  # the weight of the newest duration in the mean


class RunningAttempts:
    """Holds the running attempts, and the mean duration for each endpoint. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: dict[int, ClaimedDelivery] = {}
        self._seconds: dict[int, float] = {}

    def add(self, delivery: ClaimedDelivery) -> None:
        with self._changed:
            self._running[delivery.id] = delivery

    def finish(self, delivery: ClaimedDelivery, seconds: float) -> None:
        """Remove the attempt, and note how long it took."""
        with self._changed:
            if self._running.get(delivery.id) is delivery:
                del self._running[delivery.id]
            before = self._seconds.pop(delivery.endpoint_id, seconds)
            mean = _WEIGHT * seconds + (1 - _WEIGHT) * before
            self._seconds[delivery.endpoint_id] = mean
            while len(self._seconds) > ENDPOINTS_MAX:
                del self._seconds[next(iter(self._seconds))]
            self._changed.notify_all()

    def seconds_of(self, endpoint_id: int) -> float:
        """Return the mean duration of the endpoint's attempts; 0 before the first one."""
        return self._seconds.get(endpoint_id, 0.0)

    def count(self, *, pings: bool) -> int:
        with self._changed:
            return sum((each.kind is DeliveryKind.PING) == pings for each in self._running.values())

    def count_slow(self) -> int:
        """Return the number of running attempts of slow endpoints. Pings are not counted."""
        return self._count(lambda seconds: seconds >= SLOW_SECONDS)

    def count_new(self) -> int:
        """Return the number of running attempts of endpoints that had no ended attempt yet.

        Pings are not counted.
        """
        return self._count(lambda seconds: seconds == 0)

    def _count(self, is_counted: Callable[[float], bool]) -> int:
        with self._changed:
            return sum(
                is_counted(self.seconds_of(each.endpoint_id))
                for each in self._running.values()
                if each.kind is not DeliveryKind.PING
            )

    def wait_for_all(self, seconds: float) -> list[tuple[int, uuid.UUID]]:
        """Wait for all attempts, at most `seconds`. Return the claims of unfinished attempts."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, seconds)
            return [(each.id, each.token) for each in self._running.values()]
