"""The phases of a crawl, and the forecast of its requests that each checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass

# The phases in the order in which a crawl runs them.
PHASES = ("about", "posts", "comments", "trees", "authors", "discovery", "done")
# The pace before the first measurement: 97 requests a minute.
SECONDS_PER_REQUEST = 0.62


@dataclass(frozen=True, slots=True)
class Forecast:
    """The expected number of requests of the whole crawl, and the seconds for each request."""

    total: int = 0
    pace: float = SECONDS_PER_REQUEST


NOTHING_KNOWN = Forecast()
