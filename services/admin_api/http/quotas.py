"""Limits each token's requests, exports and stored responses in one process."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

DAY_SECONDS = 86_400.0
# The most that a token may store in one burst, as a part of the daily limit of bytes. Bytes that
# the token did not use on earlier days do not raise this maximum.
SAVED_SHARE = 1 / 8
KEY_BYTES = 512  # size of a stored Idempotency-Key without its response
# Limit of tokens whose use is counted. A further token replaces the least recently seen token.
TOKENS_MAX = 10_000


class RequestRates:
    """Limits each API token to `per_second` requests a second. 0 means no limit.

    A token that was unused for a second may send `per_second` requests in one burst. Tokens are
    stored as hashes (`digest`). Only valid tokens are stored. Otherwise wrong tokens could
    displace valid tokens from memory.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._clock = clock
        self._lock = threading.Lock()
        # For each token: the number of requests left, and the monotonic time of its latest request.
        self._left: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def remember(self, digest: bytes) -> None:
        """Store a valid token, and count its current request."""
        with self._lock:
            if self._per_second and digest not in self._left:
                self._left[digest] = (self._most - 1, self._clock())
                if len(self._left) > TOKENS_MAX:
                    self._left.popitem(last=False)

    def take(self, digest: bytes) -> float:
        """Count a request of the token, and return 0. Only stored tokens are counted.

        At the limit, count nothing, and return the number of seconds that the client must wait.
        """
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
    """Limits concurrent exports, or concurrent requests with large bodies.

    The API has three objects of this class: two for exports and one for large bodies. The comments
    of this class speak of exports only. An export occupies a thread until the client has read the
    whole export. A large body occupies memory.
    """

    def __init__(self, *, per_token: int, in_total: int) -> None:
        """Allow `per_token` concurrent exports for each token, and `in_total` in the process.

        - `per_token`: 0 means no limit. The bootstrap token is exempt.
        - `in_total`: the bootstrap token is not exempt. If `in_total` is above 1, one export is
          reserved for the bootstrap token, so that other tokens cannot block the operator's export.
        """
        self.per_token = per_token
        # Limit of running exports without those of the bootstrap token.
        self.at_most = max(1, in_total - 1)
        self._in_total = in_total
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def begin(self, key: str, *, is_exempt: bool) -> bool:
        """Count an export of the token `key` as running. Return False if too many are running."""
        with self._lock:
            is_free = not self.per_token or is_exempt or self._running[key] < self.per_token
            most = self._in_total if is_exempt else self.at_most
            if not is_free or self._running.total() >= most:
                return False
            self._running[key] += 1
            return True

    def end(self, key: str) -> None:
        with self._lock:
            self._running[key] -= 1
            self._running += Counter()  # removes the entries whose count is 0


class StoredResponses:
    """Limits the bytes of responses that each token may store in a day, for Idempotency-Key.

    Responses are deleted after one day, so the limit also bounds a token's storage.
    """

    def __init__(self, per_day: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`per_day` is in bytes; 0 means no limit."""
        self._per_day = per_day
        self._clock = clock
        self._lock = threading.Lock()
        # For each token: the bytes left after the latest `take`, and the monotonic time of `take`.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def seconds_until_room(self, token: str) -> float:
        """Return the seconds until enough bytes are free for one more Idempotency-Key; 0 means now.

        The bytes of the key's response are not included.
        """
        with self._lock:
            missing = KEY_BYTES - self._now_left(token)
        return missing / self._per_day * DAY_SECONDS if self._per_day and missing > 0 else 0.0

    def take(self, token: str, response_bytes: int) -> bool:
        """Count the bytes of a key and of its response, and return True.

        If too few bytes are left for the response, count only the key's bytes, and return False.
        Then the caller must not store the response.
        """
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
