"""The deadline of the current request, for all database calls of this thread together."""

from __future__ import annotations

import math
import time
from contextvars import ContextVar

_until: ContextVar[float] = ContextVar("until", default=math.inf)


def begin(seconds: float) -> None:
    """Set the deadline to `seconds` from now: no database call starts or lasts longer."""
    _until.set(time.monotonic() + seconds)


def end() -> None:
    """Remove the deadline."""
    _until.set(math.inf)


def until() -> float:
    """Return the deadline by the monotonic clock, in seconds; infinite without a deadline."""
    return _until.get()


def is_over() -> bool:
    """Return whether the deadline has passed."""
    return time.monotonic() >= _until.get()
