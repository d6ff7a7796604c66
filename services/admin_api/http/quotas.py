"""How much one token may ask of one process: requests, exports, answers that are kept for it."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

DAY_SECONDS = 86_400.0
SAVED_SHARE = 1 / 8  # of a day's room for answers: what may be used at once
KEY_BYTES = 512  # what a key takes beside its answer
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
        """`of_one` token (0: as many as there are), and `of_all` together.

        Of several the last is for those who are exempt: others cannot keep the operator out.
        """
        self._of_one = of_one
        self._of_all = of_all
        self._of_others = max(1, of_all - 1)
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def begin(self, key: str, *, is_exempt: bool) -> bool:
        """Whether another may begin; then `end` it."""
        with self._lock:
            is_free = not self._of_one or is_exempt or self._running[key] < self._of_one
            most = self._of_all if is_exempt else self._of_others
            if not is_free or self._running.total() >= most:
                return False
            self._running[key] += 1
            return True

    def end(self, key: str) -> None:
        with self._lock:
            self._running[key] -= 1
            self._running += Counter()  # keeps those above 0 alone


class KeptAnswers:
    """Room in the database for answers that may be asked for again: so many bytes a day.

    They are kept for a day, so this bounds what is there of one token.
    """

    def __init__(self, per_day: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`per_day` bytes; 0: as many as come."""
        self._per_day = per_day
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # and as of when

    def seconds_until_room(self, token: str) -> float:
        """For another key without its answer; 0: now."""
        with self._lock:
            missing = KEY_BYTES - self._now_left(token)
        return missing / self._per_day * DAY_SECONDS if self._per_day and missing > 0 else 0.0

    def take(self, token: str, answer_bytes: int) -> bool:
        """Count a key; whether its answer has room too, or the key alone is to be kept."""
        with self._lock:
            left = self._now_left(token) - KEY_BYTES
            has_room = not self._per_day or answer_bytes <= left
            self._left[token] = (left - answer_bytes if has_room else left, self._clock())
            self._left.move_to_end(token)
            if len(self._left) > TOKENS_MAX:
                self._left.popitem(last=False)
        return has_room

    def _now_left(self, token: str) -> float:
        now, most = self._clock(), self._per_day * SAVED_SHARE
        left, then = self._left.get(token, (most, now))
        return min(most, left + (now - then) / DAY_SECONDS * self._per_day)
