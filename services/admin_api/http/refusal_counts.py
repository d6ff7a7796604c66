"""Counts refused changes, so that one who repeats them cannot fill the audit log.

The first refusal of a token, a route and a code is a row at once and opens a window. Those that
follow within it are counted, and their count becomes one row when the window has ended.
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
KEYS_PER_TOKEN = 20  # of routes and codes; what goes beyond shares one count
KEYS_MAX = 2_000  # of all tokens; the oldest is written out before its time

OTHERS = ("other", "other", "other")


@dataclass(frozen=True)
class Key:
    """Which token was refused, and what: method, route and code."""

    token_id: str | None
    name: str
    what: tuple[str, str, str]


@dataclass(frozen=True)
class Counted:
    """Refusals after the first of a window, for one row."""

    key: Key
    actor: Actor  # of the last one
    status: int
    count: int
    since: datetime
    until: datetime

    def as_json(self) -> dict[str, Any]:
        method, path, code = self.key.what
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
    ends: float  # monotonic
    counted: Counted | None = None


class RefusalCounts:
    """Of one process; bounded, whatever is refused. Times in rows are this host's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[Key, _Window] = {}  # the oldest first
        self._evicted: list[Counted] = []

    def opens_window(self, actor: Actor, what: tuple[str, str, str], status: int) -> Key | None:
        """The key of a refusal that is to be a row of its own; None: it was counted."""
        now = datetime.now(UTC)
        with self._lock:
            key = self._key(actor, what)
            window = self._windows.get(key)
            if window is None:
                self._make_room()
                self._windows[key] = _Window(self._clock() + WINDOW_SECONDS)
                return key
            before = window.counted or Counted(key, actor, status, 0, now, now)
            window.counted = replace(
                before,
                actor=replace(actor, request_id=None),
                status=status,
                count=before.count + 1,
                until=now,
            )
            return None

    def _key(self, actor: Actor, what: tuple[str, str, str]) -> Key:
        key = Key(actor.token_id, actor.name, what)
        if key in self._windows:
            return key
        own = sum(one.token_id == key.token_id for one in self._windows)
        return key if own < KEYS_PER_TOKEN else replace(key, what=OTHERS)

    def _make_room(self) -> None:
        while len(self._windows) >= KEYS_MAX:
            oldest = next(iter(self._windows))
            if counted := self._windows.pop(oldest).counted:
                self._evicted.append(counted)

    def forget(self, key: Key) -> None:
        """The row of its first refusal was not written: the next one is to be a row."""
        with self._lock:
            window = self._windows.pop(key, None)
            if window is not None and window.counted is not None:
                self._evicted.append(window.counted)

    def take(self, *, all_of_them: bool = False) -> list[Counted]:
        """The counts of windows that have ended, or of all; each is handed out once."""
        with self._lock:
            now = self._clock()
            over = [key for key, one in self._windows.items() if all_of_them or one.ends <= now]
            found, self._evicted = self._evicted, []
            found += [
                counted for key in over if (counted := self._windows.pop(key).counted) is not None
            ]
            return found

    def give_back(self, counted: list[Counted]) -> None:
        """They could not be written: they are handed out again."""
        with self._lock:
            self._evicted = [*counted, *self._evicted][:KEYS_MAX]
