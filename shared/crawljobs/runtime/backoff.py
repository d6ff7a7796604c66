"""The pause after failures in a row. It doubles with each failure, and is partly random."""

from __future__ import annotations

import math

from crawljobs.runtime import jitter

_EXPONENT_MAX = 64  # the limit of the exponent: 2.0 ** 1024 would overflow a float


def pause_seconds(
    failures: int, *, first: float, longest: float = math.inf, least_share: float = 0.5
) -> float:
    """Return the seconds to wait after `failures` failures in a row (1 or more).

    The full pause is `first` after one failure. It doubles with each further failure, up to
    `longest`. The result is random, between `least_share` of the full pause and the full pause.
    Otherwise processes that fail at the same time would try again at the same time.
    """
    exact = min(first * 2.0 ** min(failures - 1, _EXPONENT_MAX), longest)
    return jitter.uniform(least_share * exact, exact)
