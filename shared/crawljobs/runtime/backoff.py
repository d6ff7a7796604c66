"""The pause after failures in a row. It doubles with each failure, and is partly random."""

from __future__ import annotations

import math

from crawljobs.runtime import jitter

_EXPONENT_MAX = 64  # 2.0 ** 1024 overflows a float


def pause_seconds(
    failures: int, *, first: float, longest: float = math.inf, least_share: float = 0.5
) -> float:
    """Return the seconds to wait after `failures` failures in a row (1 or more).

    The exact pause is `first` after one failure, doubles with each failure, and is at most
    `longest`. The result is random, between `least_share` of the exact pause and the exact pause.
    Otherwise processes that fail at the same time would try again at the same time.
    """
    exact = min(first * 2.0 ** min(failures - 1, _EXPONENT_MAX), longest)
    return jitter.uniform(least_share * exact, exact)
