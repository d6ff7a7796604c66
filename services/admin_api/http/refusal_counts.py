"""Counts refused changes, so that a client that repeats a request does not fill the audit log.

The first refusal for a token, method, route and error code gets an audit row at once. It also opens
a time window, which counts further refusals. At the end of the window, one audit row records their
number.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from crawljobs.domain.actor import Actor

WINDOW_SECONDS = 600.0
# The limit of time windows for one token. A window is for one method, route and error code. At the
# limit, refusals for all other methods, routes and codes share one window.
KEYS_PER_TOKEN = 20
# The limit of open time windows for all tokens together. At the limit, the oldest window ends when
# a new window begins.
KEYS_MAX = 2_000

OTHERS = ("other", "other", "other")


@dataclass(frozen=True)
class Key:
    """The key of a time window. Refused requests with equal keys are counted in the same window.

    `name` is the name of the token. `request` is the method, the route and the error code.
    """

    token_id: str | None
    name: str
    request: tuple[str, str, str]


@dataclass(frozen=True)
class RefusalCount:
    """The number of further refusals in a time window, after the refusal that opened the window.

    When the window has ended, one audit row records this number.
    """

    key: Key
    actor: Actor  # the actor of the latest counted refusal
    status: int
    count: int
    since: datetime
    until: datetime

    def as_json(self) -> dict[str, Any]:
        method, path, code = self.key.request
        return {
            "method": method,
            "path": path,
            "status": self.status,
            "code": code,
            "count": self.count,
            "since": self.since.isoformat().replace("+00:00", "Z"),
            "until": self.until.isoformat().replace("+00:00", "Z"),
        }


@dataclass
class _Window:
    ends_at: float  # end of the window, by the monotonic clock
    count: RefusalCount | None = None


class RefusalCounts:
    """Counts the refusals in one process.

    Time windows follow a monotonic clock. The times in audit rows are UTC, from the host's clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[Key, _Window] = {}  # sorted by the begin, oldest first
        self._evicted: list[RefusalCount] = []

    def opens_window(self, actor: Actor, request: tuple[str, str, str], status: int) -> Key | None:
        """Open a time window for the refusal, and return the window's key.

        The caller must then write an audit row. If a window for this token and `request` is open
        already, count the refusal in this window, and return None. `request` is (method, route,
        error code).
        """
        now = datetime.now(UTC)
        with self._lock:
            key = self._key(actor, request)
            window = self._windows.get(key)
            if window is None:
                self._make_room()
                self._windows[key] = _Window(self._clock() + WINDOW_SECONDS)
                return key
            before = window.count or RefusalCount(key, actor, status, 0, now, now)
            window.count = replace(
                before,
                actor=replace(actor, request_id=None),
                status=status,
                count=before.count + 1,
                until=now,
            )
            return None

    def _key(self, actor: Actor, request: tuple[str, str, str]) -> Key:
        key = Key(actor.token_id, actor.name, request)
        if key in self._windows:
            return key
        windows_of_token = sum(other.token_id == key.token_id for other in self._windows)
        return key if windows_of_token < KEYS_PER_TOKEN else replace(key, request=OTHERS)

    def _make_room(self) -> None:
        while len(self._windows) >= KEYS_MAX:
            oldest = next(iter(self._windows))
            if count := self._windows.pop(oldest).count:
                self._evicted.append(count)

    def close_window(self, key: Key) -> None:
        """Close a window whose first refusal could not be written.

        The next refusal with this key then opens a window and gets an audit row.
        """
        with self._lock:
            window = self._windows.pop(key, None)
            if window is not None and window.count is not None:
                self._evicted.append(window.count)

    def pop_finished(self, *, include_open: bool = False) -> list[RefusalCount]:
        """Remove and return the counts of the time windows that have ended.

        With `include_open`, also remove and return the counts of the windows that have not ended.
        """
        with self._lock:
            now = self._clock()
            finished = [
                key
                for key, window in self._windows.items()
                if include_open or window.ends_at <= now
            ]
            counts, self._evicted = self._evicted, []
            counts += [
                count for key in finished if (count := self._windows.pop(key).count) is not None
            ]
            return counts

    def put_back(self, counts: list[RefusalCount]) -> None:
        """Take back counts that could not be written. pop_finished() returns them again."""
        with self._lock:
            self._evicted = [*counts, *self._evicted][:KEYS_MAX]
