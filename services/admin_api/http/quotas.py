"""Quotas of a token in one process: requests, exports, stored responses."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

DAY_SECONDS = 86_400.0
SAVED_SHARE = 1 / 8  # of the daily bytes: the most that a token can use at once
KEY_BYTES = 512  # size of a stored key without its response
TOKENS_MAX = 10_000  # in memory; beyond it the least recently seen token is dropped


class RequestRates:
    """A token bucket per API token: `per_second` requests a second, a burst of one second.

    `per_second` 0 means no limit. Tokens are identified by their digests. Only valid tokens are
    stored, so requests with wrong tokens use neither memory nor the quota of another token.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._clock = clock
        self._lock = threading.Lock()
        # Requests left, and the monotonic time of that value.
        self._left: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def remember(self, digest: bytes) -> None:
        """Store a valid token, and count the current request."""
        with self._lock:
            if self._per_second and digest not in self._left:
                self._left[digest] = (self._most - 1, self._clock())
                if len(self._left) > TOKENS_MAX:
                    self._left.popitem(last=False)

    def take(self, digest: bytes) -> float:
        """Count a request of a stored token; returns the seconds that it has to wait, or 0."""
        with self._lock:
            if digest not in self._left:
                return 0.0
            now = self._clock()
            left, then = self._left.pop(digest)
            left = min(self._most, left + (now - then) * self._per_second)
            is_allowed = left >= 1
            self._left[digest] = (left - 1 if is_allowed else left, now)
        return 0.0 if is_allowed else (1 - left) / self._per_second


class Exports:
    """Limits the streamed responses: each holds a thread while its client reads."""

    def __init__(self, *, per_token: int, in_total: int) -> None:
        """At most `per_token` exports per token (0: no limit), and `in_total` in the process.

        If `in_total` is above 1, the last slot is for exempt tokens: other tokens cannot block the
        operator.
        """
        self._per_token = per_token
        self._in_total = in_total
        self._for_non_exempt = max(1, in_total - 1)
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def begin(self, key: str, *, is_exempt: bool) -> bool:
        """Reserve a slot; returns whether there was one. Call `end` to free it."""
        with self._lock:
            is_free = not self._per_token or is_exempt or self._running[key] < self._per_token
            most = self._in_total if is_exempt else self._for_non_exempt
            if not is_free or self._running.total() >= most:
                return False
            self._running[key] += 1
            return True

    def end(self, key: str) -> None:
        with self._lock:
            self._running[key] -= 1
            self._running += Counter()  # removes the entries that are 0


class StoredResponses:
    """Limits the bytes of stored idempotent responses per token and day.

    Responses are stored for one day, so this limits the storage of one token.
    """

    def __init__(self, per_day: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`per_day` is in bytes; 0 means no limit."""
        self._per_day = per_day
        self._clock = clock
        self._lock = threading.Lock()
        # Bytes left, and the monotonic time of that value.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def seconds_until_room(self, token: str) -> float:
        """The seconds until a key without a response fits; 0 when it fits now."""
        with self._lock:
            missing = KEY_BYTES - self._now_left(token)
        return missing / self._per_day * DAY_SECONDS if self._per_day and missing > 0 else 0.0

    def take(self, token: str, response_bytes: int) -> bool:
        """Count a key; returns whether its response fits too. If not, store only the key."""
        with self._lock:
            left = self._now_left(token) - KEY_BYTES
            has_room = not self._per_day or response_bytes <= left
            self._left[token] = (left - response_bytes if has_room else left, self._clock())
            self._left.move_to_end(token)
            if len(self._left) > TOKENS_MAX:
                self._left.popitem(last=False)
        return has_room

    def _now_left(self, token: str) -> float:
        now, most = self._clock(), self._per_day * SAVED_SHARE
        left, then = self._left.get(token, (most, now))
        return min(most, left + (now - then) / DAY_SECONDS * self._per_day)
