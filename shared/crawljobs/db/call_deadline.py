"""The deadline of the current request. It limits all database calls of the request's thread."""

from __future__ import annotations

import math
import time
from contextvars import ContextVar

_until: ContextVar[float] = ContextVar("until", default=math.inf)


def begin(seconds: float) -> None:
    """Set the deadline of this thread's request to `seconds` from now.

    No database call starts or continues after the deadline.
    """
    _until.set(time.monotonic() + seconds)


def end() -> None:
    """Remove the deadline of this thread's request."""
    _until.set(math.inf)


def until() -> float:
    """Return the deadline as a time of the monotonic clock, or infinity if there is no deadline."""
    return _until.get()


def is_over() -> bool:
    """Return whether the deadline of this thread's request has passed."""
    return time.monotonic() >= _until.get()
