"""The deadline of the calling thread's exchange with Reddit.

urllib3 calls the sockets below it without a deadline, so the thread carries it.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator


class _Exchange(threading.local):
    """The deadline of the calling thread's exchange, on the monotonic clock."""

    ends_at = 0.0


_exchange = _Exchange()


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Limit all waits of the calling thread on its connection to `seconds` together."""
    _exchange.ends_at = time.monotonic() + seconds
    try:
        yield
    finally:
        _exchange.ends_at = 0.0


def is_over() -> bool:
    """Whether the deadline of the calling thread's exchange has passed."""
    return time.monotonic() >= _exchange.ends_at


def end_within(seconds: float) -> None:
    """Set the deadline of the calling thread to `seconds` from now, if that is earlier."""
    _exchange.ends_at = min(_exchange.ends_at, time.monotonic() + seconds)


def left(longest: float = math.inf) -> float:
    """Seconds until the deadline, at most `longest`. Raises TimeoutError when none is left."""
    seconds = min(longest, _exchange.ends_at - time.monotonic())
    if seconds <= 0:
        raise TimeoutError("the exchange took too long")
    return seconds
