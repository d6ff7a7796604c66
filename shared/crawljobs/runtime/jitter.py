"""Random factors and pauses, so that many processes do not repeat an action at the same time."""

from __future__ import annotations

import random

# The operating system's generator has no state in this process: threads need no lock, forked
# processes do not draw the same numbers, and a seed of the global generator stays untouched.
_SYSTEM = random.SystemRandom()


def uniform(shortest: float, longest: float) -> float:
    """A random number between `shortest` and `longest`: seconds, or a factor."""
    return _SYSTEM.uniform(shortest, longest)
