"""How much one token may ask of one process: requests a second, and exports at once."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

TOKENS_MAX = 10_000  # remembered; the one unseen for longest is forgotten


class RequestRates:
    """A token may ask `per_second` times a second, and save up for one second; 0: as it likes.

    Tokens are told apart by their digests. Only those that proved good are remembered, so what a
    stranger sends neither uses up another's quota nor takes room.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # and as of when

    def remember(self, digest: bytes) -> None:
        """A token has proved good, by the request that is under way."""
        with self._lock:
            if self._per_second and digest not in self._left:
                self._left[digest] = (self._most - 1, self._clock())
                if len(self._left) > TOKENS_MAX:
                    self._left.popitem(last=False)

    def take(self, digest: bytes) -> float:
        """Count a request of a remembered token; the seconds it has to wait, 0: it may go on."""
        with self._lock:
            if digest not in self._left:
                return 0.0
            now = self._clock()
            left, then = self._left.pop(digest)
            left = min(self._most, left + (now - then) * self._per_second)
            may_go_on = left >= 1
            self._left[digest] = (left - 1 if may_go_on else left, now)
        return 0.0 if may_go_on else (1 - left) / self._per_second


class Exports:
    """Answers that are written while their clients read: each holds a thread meanwhile."""

    def __init__(self, *, of_one: int, of_all: int) -> None:
        """`of_one` token (0: as many as there are), and `of_all` together."""
        self._of_one = of_one
        self._of_all = of_all
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def begin(self, key: str, *, is_exempt: bool) -> bool:
        """Whether another may begin; then `end` it."""
        with self._lock:
            is_free = not self._of_one or is_exempt or self._running[key] < self._of_one
            if not is_free or self._running.total() >= self._of_all:
                return False
            self._running[key] += 1
            return True

    def end(self, key: str) -> None:
        with self._lock:
            self._running[key] -= 1
            self._running += Counter()  # keeps those above 0 alone
