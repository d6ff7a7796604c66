"""The options that a caller sets for its requests to Reddit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crawler_worker.reddit.request_tally import UPKEEP
from crawler_worker.reddit.stop import Stop

# The longest minimum time between two requests for which a thread waits. If a subreddit has a
# longer minimum time, the job is deferred, so that the worker can do another job.
LONGEST_GAP_SECONDS = 30.0


def _ignore() -> None:
    return None


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The options for all requests of one caller, for example of one crawl.

    - `stop`: interrupts each wait.
    - `in_background`: the requests do not join the queue for request slots.
    - `gap`: the least time in seconds before a failed request is tried again. A try with a new
      token never waits. If `gap` exceeds LONGEST_GAP_SECONDS, the client raises the failure instead
      of waiting. Only the second request that must confirm a refusal is still sent, without a wait.
    - `on_sent`: called before each request to Reddit, including further tries and probes.
    - `source`: the history counts the requests under this name. The name is the source of the job,
      or UPKEEP for requests without a job.
    """

    stop: Stop
    in_background: bool = False
    gap: float = 0.0
    on_sent: Callable[[], None] = _ignore
    source: str = UPKEEP
