"""Random pauses, so that what happened to many at once is not repeated by all at once."""

from __future__ import annotations

import random

# The system's generator: threads share no state, forked processes do not draw the same numbers, and
# the state of the global generator stays as a program or a test has set it.
_SYSTEM = random.SystemRandom()


def uniform(shortest: float, longest: float) -> float:
    """Seconds, or a factor, between the two."""
    return _SYSTEM.uniform(shortest, longest)
