"""How long whoever is behind this thread's work will wait, over all of its calls together."""

from __future__ import annotations

import math
import time
from contextvars import ContextVar

_until: ContextVar[float] = ContextVar("until", default=math.inf)


def begin(seconds: float) -> None:
    """From now on; no call to the database lasts beyond it, or begins after it."""
    _until.set(time.monotonic() + seconds)


def end() -> None:
    _until.set(math.inf)


def until() -> float:
    """By the monotonic clock; infinite when nobody waits."""
    return _until.get()


def is_over() -> bool:
    return time.monotonic() >= _until.get()
