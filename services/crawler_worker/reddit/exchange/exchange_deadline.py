"""The deadline of the calling thread's exchange with Reddit.

urllib3 cannot pass a deadline to the sockets that it uses. So the deadline is a thread-local value.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator


class _Exchange(threading.local):
    """The deadline of the calling thread's exchange, by the monotonic clock, in seconds."""

    ends_at = 0.0


_exchange = _Exchange()


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Limit the exchange in the with block: set the thread's deadline to `seconds` from now."""
    _exchange.ends_at = time.monotonic() + seconds
    try:
        yield
    finally:
        _exchange.ends_at = 0.0


def is_over() -> bool:
    """Return whether the deadline of the calling thread's exchange has passed."""
    return time.monotonic() >= _exchange.ends_at


def end_within(seconds: float) -> None:
    """Set the calling thread's deadline to `seconds` from now, unless it is earlier already."""
    _exchange.ends_at = min(_exchange.ends_at, time.monotonic() + seconds)


def left(longest: float = math.inf) -> float:
    """Return the seconds until the deadline, at most `longest`.

    Raises TimeoutError after the deadline.
    """
    seconds = min(longest, _exchange.ends_at - time.monotonic())
    if seconds <= 0:
        raise TimeoutError("the exchange took too long")
    return seconds
