"""The phases of a crawl, and the forecast of its requests that each checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass

# In the order in which a crawl runs them.
PHASES = ("about", "posts", "comments", "trees", "authors", "discovery", "done")
# Before anything was measured: what a budget of 97 requests a minute gives.
SECONDS_PER_REQUEST = 0.62


@dataclass(frozen=True, slots=True)
class Forecast:
    """Requests that the whole crawl will have made, and the seconds that each takes."""

    total: int = 0
    pace: float = SECONDS_PER_REQUEST


NOTHING_KNOWN = Forecast()
