"""The repetitions of a request that the server could not answer: which, and after which time."""

import random
import time

STATUSES = frozenset({429, 502, 503, 504})  # a later repetition can succeed
FIRST_DELAY_SECONDS = 0.25
LONGEST_DELAY_SECONDS = 5.0


def delay(tries: int, retry_after: float | None) -> float:
    """Return the seconds before the next try, at least those of the header Retry-After."""
    doubled: float = min(FIRST_DELAY_SECONDS * 2 ** (tries - 1), LONGEST_DELAY_SECONDS)
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads requests, not a secret
    return max(doubled * jitter, retry_after or 0.0)


def is_over(deadline: float, seconds: float) -> bool:
    """Return whether the deadline, a time of `time.monotonic`, comes before the next try."""
    return time.monotonic() + seconds > deadline
