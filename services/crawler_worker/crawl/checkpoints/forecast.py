"""The phases of a crawl, and the forecast of the crawl's requests in each checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

# The phases in the order in which a crawl runs them.
PHASES = ("about", "posts", "comments", "trees", "authors", "discovery", "done")
# The assumed time for one request before the first measurement. It is 60 s / 97 requests.
SECONDS_PER_REQUEST = 0.62


@dataclass(frozen=True, slots=True)
class Forecast:
    """`total` is the expected number of the crawl's requests. `pace` is the seconds per request."""

    total: int = 0
    pace: float = SECONDS_PER_REQUEST


NOTHING_KNOWN = Forecast()
