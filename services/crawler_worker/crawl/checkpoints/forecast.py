"""Each checkpoint contains a forecast of the crawl's requests."""

from __future__ import annotations

from dataclasses import dataclass

from crawljobs.domain.crawl_phases import PHASES

__all__ = ["NOTHING_KNOWN", "PHASES", "SECONDS_PER_REQUEST", "Forecast"]

# The assumed time for one request before the first measurement, in seconds. Reddit allows 1,000
# requests in 600 s, and workers use 97 % of them: 600 s / 970 = 0.62 s.
SECONDS_PER_REQUEST = 0.62


@dataclass(frozen=True, slots=True)
class Forecast:
    """`total` is the expected number of the crawl's requests. `pace` is the seconds per request."""

    total: int = 0
    pace: float = SECONDS_PER_REQUEST


NOTHING_KNOWN = Forecast()
