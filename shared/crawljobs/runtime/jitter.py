"""Random factors and pauses. They keep many processes from acting at the same time."""

from __future__ import annotations

import random

# The operating system's generator has no state in this process. So threads need no lock, forked
# processes do not draw the same numbers, and Python's global generator is not changed.
_SYSTEM = random.SystemRandom()


def uniform(shortest: float, longest: float) -> float:
    """Return a random number between `shortest` and `longest`, such as a number of seconds."""
    return _SYSTEM.uniform(shortest, longest)
