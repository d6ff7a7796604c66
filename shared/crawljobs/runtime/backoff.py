"""The pause after failures in a row: it doubles with each failure, and a part of it is random."""

from __future__ import annotations

import math

from crawljobs.runtime import jitter

_EXPONENT_MAX = 64  # 2.0 ** 1024 overflows a float


def pause_seconds(
    failures: int, *, first: float, longest: float = math.inf, least_share: float = 0.5
) -> float:
    """Return the seconds to wait after this number of failures in a row, from 1.

    The exact pause is `first` seconds after the first failure, and at most `longest`. The result is
    random, between `least_share` of the exact pause and all of it: many processes that fail at the
    same time do not try again at the same time.
    """
    exact = min(first * 2.0 ** min(failures - 1, _EXPONENT_MAX), longest)
    return jitter.uniform(least_share * exact, exact)
