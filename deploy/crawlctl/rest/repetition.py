"""Rules for a request that the server could not answer: whether and when to send it again."""

import random
import time

# If the server sends one of these statuses, the same request may succeed later.
STATUSES = frozenset({429, 502, 503, 504})
FIRST_DELAY_SECONDS = 0.25
LONGEST_DELAY_SECONDS = 5.0


def delay(tries: int, retry_after: float | None) -> float:
    """Return how many seconds to wait before the next try.

    `retry_after` is the number of seconds in the header Retry-After. The result is at least
    `retry_after`.
    """
    doubled: float = min(FIRST_DELAY_SECONDS * 2 ** (tries - 1), LONGEST_DELAY_SECONDS)
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads requests, not a secret
    return max(doubled * jitter, retry_after or 0.0)


def is_over(deadline: float, seconds: float) -> bool:
    """Return whether a try in `seconds` from now would be after the deadline.

    `deadline` is a time of `time.monotonic`.
    """
    return time.monotonic() + seconds > deadline
