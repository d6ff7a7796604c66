"""The caller's options for its requests to Reddit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crawler_worker.reddit.stop import Stop

# For a longer gap between two requests the job is deferred, so that the worker can do another job.
LONGEST_GAP_SECONDS = 30.0


def _ignore() -> None:
    return None


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The options of the requests of one caller, for example of one crawl.

    `stop` interrupts each wait. A request `in_background` does not queue for slots. Tries of one
    request are `gap` seconds apart; with a gap over LONGEST_GAP_SECONDS there is one try.
    `on_sent` is called before each request to Reddit, tries and probes included.
    """

    stop: Stop
    in_background: bool = False
    gap: float = 0.0
    on_sent: Callable[[], None] = _ignore
